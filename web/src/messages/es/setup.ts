import type { setup as en } from "@/messages/en/setup";

export const setup: Record<keyof typeof en, string> = {
  "setup.title": "Configurar chasqui",
  "setup.text": "Crea la primera organización y tu propia cuenta. Toma un minuto.",
  "setup.link": "Enlace de configuración",
  "setup.link.text": "El servidor lo muestra al arrancar, y “chasqui setup-link” lo muestra otra vez. Pégalo aquí.",
  "setup.organisation": "Organización",
  "setup.organisation.text": "Tu empresa o equipo; puedes cambiarle el nombre después.",
  "setup.action": "Crear y entrar",
  "setup.note": "Tendrás el rol de administrador y podrás invitar a otras personas.",
  "setup.done": "Ya está configurado",
  "setup.done.text": "Aquí ya hay una organización. Entra o pide una invitación a su administrador.",
  "setup.offer": "Aún no hay nadie",
  "setup.offer.text": "Este chasqui es nuevo.",
  "setup.offer.action": "Configurarlo",
};
