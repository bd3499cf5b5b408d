import type { Messages } from "@/lib/i18n";
import { account } from "@/messages/es/account";
import { audit } from "@/messages/es/audit";
import { auth } from "@/messages/es/auth";
import { clients } from "@/messages/es/clients";
import { common } from "@/messages/es/common";
import { developers } from "@/messages/es/developers";
import { home } from "@/messages/es/home";
import { inbox } from "@/messages/es/inbox";
import { keys } from "@/messages/es/keys";
import { messages } from "@/messages/es/messages";
import { monitoring } from "@/messages/es/monitoring";
import { said } from "@/messages/es/said";
import { settings } from "@/messages/es/settings";
import { setup } from "@/messages/es/setup";
import { team } from "@/messages/es/team";
import { webhooks } from "@/messages/es/webhooks";

export const es: Messages = {
  ...account,
  ...audit,
  ...auth,
  ...clients,
  ...common,
  ...developers,
  ...home,
  ...inbox,
  ...keys,
  ...messages,
  ...monitoring,
  ...said,
  ...settings,
  ...setup,
  ...team,
  ...webhooks,
};
