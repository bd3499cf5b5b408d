import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import type { Key } from "@/messages/en";

export type Messages = Record<Key, string>;
export type { Key };

/** The languages, by their own names. */
export const languages = { en: "English", es: "Español", pt: "Português", id: "Bahasa Indonesia" } as const;
export type Language = keyof typeof languages;

const stored = "chasqui.language";
const load: Record<Language, () => Promise<Messages>> = {
  en: async () => (await import("@/messages/en")).en,
  es: async () => (await import("@/messages/es")).es,
  pt: async () => (await import("@/messages/pt")).pt,
  id: async () => (await import("@/messages/id")).id,
};

type Values = Record<string, string | number>;

export interface Translator {
  language: Language;
  setLanguage: (l: Language) => void;
  /** The text of a key, with {name} filled in. */
  t: (key: Key, values?: Values) => string;
  /** The text of a key that the API makes up, or the fallback when it is new to us. */
  word: (prefix: string, value: string, fallback?: string) => string;
}

const Context = createContext<Translator | undefined>(undefined);

/** Picks what was chosen before, else the first language of the browser that we have. */
export function preferred(chosen: string | null, wanted: readonly string[]): Language {
  for (const w of [chosen ?? "", ...wanted]) {
    const short = w.toLowerCase().split("-")[0] ?? "";
    if (short in languages) return short as Language;
  }
  return "en";
}

export function fill(text: string, values: Values = {}): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

export function I18n({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(() => preferred(read(), navigator.languages));
  const [messages, setMessages] = useState<Messages>();
  useEffect(() => {
    let current = true;
    load[language]().then((m) => current && setMessages(m));
    document.documentElement.lang = language;
    return () => {
      current = false;
    };
  }, [language]);
  const value = useMemo<Translator>(() => {
    const texts: Record<string, string | undefined> = messages ?? {};
    return {
      language,
      setLanguage: (l) => {
        write(l);
        setLanguage(l);
      },
      t: (key, values) => fill(texts[key] ?? key, values),
      word: (prefix, v, fallback) => texts[`${prefix}.${v}`] ?? fallback ?? v,
    };
  }, [language, messages]);
  return messages ? <Context.Provider value={value}>{children}</Context.Provider> : null;
}

export function useT(): Translator {
  const t = useContext(Context);
  if (!t) throw new Error("useT outside of I18n");
  return t;
}

function read(): string | null {
  try {
    return localStorage.getItem(stored);
  } catch {
    return null;
  }
}

function write(l: Language): void {
  try {
    localStorage.setItem(stored, l);
  } catch {
    // Storage is forbidden: the choice lasts for this visit.
  }
}
