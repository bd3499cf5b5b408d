// Server-sent events over fetch: EventSource cannot send the token.

import { send } from "@/lib/session";
import { isProblem, Trouble } from "@/lib/trouble";

export interface ServerEvent {
  id: string;
  event: string;
  data: string;
}

/** Reads a stream of text piece by piece and calls back for every whole event. */
export function reader(emit: (e: ServerEvent) => void): (piece: string) => void {
  let rest = "";
  let event = empty();
  let lines: string[] = [];
  const take = (line: string) => {
    if (line === "") {
      if (lines.length > 0) emit({ ...event, data: lines.join("\n") });
      event = empty();
      lines = [];
      return;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") lines.push(value);
    else if (field === "event") event.event = value;
    else if (field === "id") event.id = value;
  };
  return (piece) => {
    const all = (rest + piece).split("\n");
    rest = all.pop() ?? "";
    for (const line of all) take(line.replace(/\r$/, ""));
  };
}

function empty(): ServerEvent {
  return { id: "", event: "message", data: "" };
}

interface Listening {
  signal: AbortSignal;
  onEvent: (e: ServerEvent) => void;
  onOpen?: () => void;
  after?: string;
}

/** Listens until the server ends the stream. Throws Trouble when it refuses. */
export async function listen(url: string, { signal, onEvent, onOpen, after }: Listening): Promise<void> {
  const headers: Record<string, string> = { Accept: "text/event-stream" };
  if (after) headers["Last-Event-ID"] = after;
  const res = await send(url, { headers, signal });
  if (!res.ok || !res.body) {
    const body: unknown = await res.json().catch(() => undefined);
    throw new Trouble(isProblem(body) ? body : undefined);
  }
  onOpen?.();
  const feed = reader(onEvent);
  const text = res.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await text.read();
    if (done) return;
    feed(value);
  }
}
