import type { setup as en } from "@/messages/en/setup";

export const setup: Record<keyof typeof en, string> = {
  "setup.title": "Configurar o chasqui",
  "setup.text": "Crie a primeira organização e a sua conta. Leva um minuto.",
  "setup.link": "Link de configuração",
  "setup.link.text": "O servidor mostra o link ao iniciar, e “chasqui setup-link” mostra de novo. Cole aqui.",
  "setup.organisation": "Organização",
  "setup.organisation.text": "Sua empresa ou equipe; dá para renomear depois.",
  "setup.action": "Criar e entrar",
  "setup.note": "Você terá o papel de administrador e poderá convidar outras pessoas.",
  "setup.done": "Já está configurado",
  "setup.done.text": "Já existe uma organização aqui. Entre ou peça um convite ao administrador.",
  "setup.offer": "Ainda não há ninguém",
  "setup.offer.text": "Este chasqui é novo.",
  "setup.offer.action": "Configurar",
};
