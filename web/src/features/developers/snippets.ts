// Programs to copy, for the reader's own ids. They need nothing but what the
// language brings along. The key is never in them: it comes from $CHASQUI_KEY.

import { readWith } from "@/features/developers/read";
import { receiveWith } from "@/features/developers/receive";
import { sendWith } from "@/features/developers/send";

export const languages = { curl: "curl", go: "Go", javascript: "JavaScript", python: "Python" } as const;
export type Language = keyof typeof languages;

/** What the snippets are filled in with. */
export interface Own {
  /** The address of the API, such as "https://chat.example.com". */
  api: string;
  client: string;
  to: string;
}

export type Task = "send" | "receive" | "read";

const tasks: Record<Task, Record<Language, (own: Own) => string>> = { send: sendWith, receive: receiveWith, read: readWith };

export function snippet(task: Task, language: Language, own: Own): string {
  return tasks[task][language](own).trim();
}
