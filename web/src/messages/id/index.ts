import type { Messages } from "@/lib/i18n";
import { account } from "@/messages/id/account";
import { audit } from "@/messages/id/audit";
import { auth } from "@/messages/id/auth";
import { clients } from "@/messages/id/clients";
import { common } from "@/messages/id/common";
import { developers } from "@/messages/id/developers";
import { home } from "@/messages/id/home";
import { inbox } from "@/messages/id/inbox";
import { keys } from "@/messages/id/keys";
import { messages } from "@/messages/id/messages";
import { monitoring } from "@/messages/id/monitoring";
import { said } from "@/messages/id/said";
import { settings } from "@/messages/id/settings";
import { setup } from "@/messages/id/setup";
import { team } from "@/messages/id/team";
import { webhooks } from "@/messages/id/webhooks";

export const id: Messages = {
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
