import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { type Client, giveUpPairingAClient, type PairingView, startPairingAClient } from "@/api/generated";
import { listen } from "@/lib/sse";
import { ask } from "@/lib/trouble";

export type Method = "qr" | "code";

/** Where an attempt to link a phone stands. */
export type Attempt =
  | { step: "starting" }
  | { step: "shown"; view: PairingView }
  | { step: "passkey"; view: PairingView }
  | { step: "paired"; client: Client }
  | { step: "failed"; reason: string }
  | { step: "refused"; error: unknown };

interface Wish {
  method: Method;
  phone?: string;
  /** Another number begins another attempt. */
  turn: number;
}

export interface PairingUnderWay {
  attempt: Attempt;
  /** Ends what is under way, for whoever leaves before it is over. */
  giveUp: () => void;
}

/** Starts a pairing and follows it to its end. Without a wish it does nothing. */
export function usePairing(client: string, wish: Wish | undefined): PairingUnderWay {
  const cache = useQueryClient();
  const [attempt, setAttempt] = useState<Attempt>({ step: "starting" });
  // The request that began what is not over yet.
  const begun = useRef<Promise<unknown>>(undefined);
  const { method, phone, turn } = wish ?? {};
  useEffect(() => {
    if (!method || turn === undefined) return;
    const stop = new AbortController();
    const tell = (a: Attempt) => {
      if (stop.signal.aborted) return;
      if (isOver(a)) begun.current = undefined;
      setAttempt(a);
    };
    tell({ step: "starting" });
    const start = begin(client, method, phone);
    begun.current = start;
    start.then(() => follow(client, stop.signal, tell)).catch((error: unknown) => tell({ step: "refused", error }));
    return () => stop.abort();
  }, [client, method, phone, turn]);
  const step = attempt.step;
  useEffect(() => {
    if (step !== "paired") return;
    for (const key of [["clients"], ["client", client], ["health"], ["history", client]]) void cache.invalidateQueries({ queryKey: key });
  }, [cache, client, step]);
  const giveUp = () => {
    // After the answer: before it, there may be nothing to end yet. A refusal means that it is over already.
    void begun.current?.then(() => giveUpPairingAClient({ path: { client } })).catch(() => undefined);
    begun.current = undefined;
  };
  return { attempt, giveUp };
}

const isOver = (a: Attempt) => a.step === "paired" || a.step === "failed" || a.step === "refused";

const begin = (client: string, method: Method, phone: string | undefined) =>
  ask(startPairingAClient({ path: { client }, body: method === "code" ? { method, phone: phone ?? "" } : { method } }));

async function follow(client: string, signal: AbortSignal, tell: (a: Attempt) => void) {
  let over = false;
  while (!over && !signal.aborted) {
    await listen(`/api/v1/clients/${client}/qr`, {
      signal,
      onEvent: (e) => {
        const next = heard(e.event, JSON.parse(e.data));
        over ||= isOver(next);
        tell(next);
      },
    });
  }
}

/** What an event of the stream means. */
export function heard(event: string, data: unknown): Attempt {
  switch (event) {
    case "paired":
      return { step: "paired", client: data as Client };
    case "failed":
      return { step: "failed", reason: (data as { reason: string }).reason };
    case "passkey":
      return { step: "passkey", view: data as PairingView };
    default:
      return { step: "shown", view: data as PairingView };
  }
}
