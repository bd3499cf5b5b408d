import type { developers as en } from "@/messages/en/developers";

export const developers: Record<keyof typeof en, string> = {
  "developers.title": "Desarrolladores",
  "developers.text": "Código para copiar y ejecutar. No necesita nada más que el propio lenguaje.",
  "developers.yours": "Ya completado para ti",
  "developers.yours.text": "Los ejemplos de abajo usan tu propia dirección e ids.",
  "developers.client": "Número",
  "developers.client.text": "El que envía y recibe.",
  "developers.noclient": "Aún no hay números",
  "developers.addfirst": "Aún no hay un número con el que enviar.",
  "developers.add": "Agregar un número",
  "developers.to": "Enviar a",
  "developers.to.text": "Un número de teléfono con su código de país.",
  "developers.key": "Crear una clave de API",
  "developers.key.text":
    "es tu clave de API. Los permisos messages:send, messages:read, events:read y webhooks:write bastan para lo de abajo.",
  "developers.key.ask": "Pide una clave a un administrador.",
  "developers.language": "Lenguaje",
  "developers.send": "Enviar un mensaje",
  "developers.send.text":
    "La respuesta llega al momento, esté o no en línea el número. Con un encabezado Idempotency-Key se puede repetir la solicitud sin riesgo.",
  "developers.receive": "Recibir eventos",
  "developers.receive.text":
    "Un webhook envía cada evento, firmado según Standard Webhooks. $CHASQUI_SECRET es su secreto, que se muestra al agregarlo.",
  "developers.hooks": "Tus webhooks",
  "developers.read": "Leer eventos",
  "developers.read.text": "Donde no llega un webhook: consulta y espera lo que llegue.",
  "developers.more": "Más",
  "developers.more.text": "Todo lo que hace este panel lo hace también la API.",
  "developers.docs": "Toda la API",
  "developers.openapi": "Documento OpenAPI",
  "developers.pocket": "Teléfono de bolsillo",
};
