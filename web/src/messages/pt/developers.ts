import type { developers as en } from "@/messages/en/developers";

export const developers: Record<keyof typeof en, string> = {
  "developers.title": "Desenvolvedores",
  "developers.text": "Código para copiar e executar. Não precisa de nada além da própria linguagem.",
  "developers.yours": "Preenchido para você",
  "developers.yours.text": "Os exemplos abaixo usam o seu próprio endereço e ids.",
  "developers.client": "Número",
  "developers.client.text": "O que envia e recebe.",
  "developers.noclient": "Ainda não há números",
  "developers.addfirst": "Ainda não há um número com que enviar.",
  "developers.add": "Adicionar um número",
  "developers.to": "Enviar para",
  "developers.to.text": "Um número de telefone com o código do país.",
  "developers.key": "Criar uma chave de API",
  "developers.key.text":
    "é a sua chave de API. Os escopos messages:send, messages:read, events:read e webhooks:write bastam para o que está abaixo.",
  "developers.key.ask": "Peça uma chave a um administrador.",
  "developers.language": "Linguagem",
  "developers.send": "Enviar uma mensagem",
  "developers.send.text":
    "A resposta vem na hora, esteja o número online ou não. Com um cabeçalho Idempotency-Key dá para repetir a requisição com segurança.",
  "developers.receive": "Receber eventos",
  "developers.receive.text":
    "Um webhook envia cada evento, assinado conforme o Standard Webhooks. $CHASQUI_SECRET é o segredo dele, mostrado ao adicioná-lo.",
  "developers.hooks": "Seus webhooks",
  "developers.read": "Ler eventos",
  "developers.read.text": "Onde um webhook não chega: consulte e espere o que vier.",
  "developers.more": "Mais",
  "developers.more.text": "Tudo o que este painel faz, a API também faz.",
  "developers.docs": "A API inteira",
  "developers.openapi": "Documento OpenAPI",
  "developers.pocket": "Celular de bolso",
};
