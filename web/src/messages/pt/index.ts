import type { Messages } from "@/lib/i18n";
import { account } from "@/messages/pt/account";
import { audit } from "@/messages/pt/audit";
import { auth } from "@/messages/pt/auth";
import { clients } from "@/messages/pt/clients";
import { common } from "@/messages/pt/common";
import { developers } from "@/messages/pt/developers";
import { home } from "@/messages/pt/home";
import { inbox } from "@/messages/pt/inbox";
import { keys } from "@/messages/pt/keys";
import { messages } from "@/messages/pt/messages";
import { monitoring } from "@/messages/pt/monitoring";
import { said } from "@/messages/pt/said";
import { settings } from "@/messages/pt/settings";
import { setup } from "@/messages/pt/setup";
import { team } from "@/messages/pt/team";
import { webhooks } from "@/messages/pt/webhooks";

export const pt: Messages = {
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
