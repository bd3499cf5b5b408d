// What was begun to be written, by chat: kept while the tab is open, and gone
// with the session.

import { onLeave } from "@/lib/session";

const prefix = "chasqui.draft.";

export interface Draft {
  type: string;
  body: string;
  /** The message it answers. */
  replyTo?: string;
}

export function readDraft(chat: string): Draft {
  const empty = { type: "text", body: "" };
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(prefix + chat) ?? "null");
    return typeof kept === "object" && kept !== null ? { ...empty, ...kept } : empty;
  } catch {
    return empty; // storage is forbidden, or somebody else wrote there
  }
}

export function keepDraft(chat: string, d: Draft): void {
  try {
    if (d.body || d.replyTo) sessionStorage.setItem(prefix + chat, JSON.stringify(d));
    else sessionStorage.removeItem(prefix + chat);
  } catch {
    // Storage is forbidden or full: the draft lasts while its chat is open.
  }
}

/** Forgets all drafts. */
export function forgetDrafts(): void {
  try {
    for (const key of Object.keys(sessionStorage)) {
      if (key.startsWith(prefix)) sessionStorage.removeItem(key);
    }
  } catch {
    // There is nothing to forget where nothing may be kept.
  }
}

onLeave(forgetDrafts);
