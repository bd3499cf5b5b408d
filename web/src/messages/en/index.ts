// The texts of the dashboard, a file for each feature. The other languages have the same files with the same keys.
import { account } from "@/messages/en/account";
import { audit } from "@/messages/en/audit";
import { auth } from "@/messages/en/auth";
import { clients } from "@/messages/en/clients";
import { common } from "@/messages/en/common";
import { developers } from "@/messages/en/developers";
import { home } from "@/messages/en/home";
import { inbox } from "@/messages/en/inbox";
import { keys } from "@/messages/en/keys";
import { messages } from "@/messages/en/messages";
import { monitoring } from "@/messages/en/monitoring";
import { said } from "@/messages/en/said";
import { settings } from "@/messages/en/settings";
import { setup } from "@/messages/en/setup";
import { team } from "@/messages/en/team";
import { webhooks } from "@/messages/en/webhooks";

export const en = {
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
} as const;

export type Key = keyof typeof en;
