// The API explains in English what became of a message or a number. The explanations that we know are said in the
// viewer's language; any other stays as the API wrote it.

import { when as written } from "@/lib/format";
import { fill, type Key, type Translator } from "@/lib/i18n";

type Words = Pick<Translator, "t" | "word" | "language">;

/** What the API writes, with {names} for what changes, and how we say it. */
export const sentences: readonly (readonly [string, Key])[] = [
  ["accepted", "said.accepted"],
  ["on its way to WhatsApp", "said.leaving"],
  ["WhatsApp's server took it", "said.taken"],
  ["on the recipient's phone", "said.arrived"],
  ["opened by the recipient", "said.opened"],
  ["played by the recipient", "said.played"],
  ["its time has come", "said.due"],
  ["not sent before it expired", "said.expired"],
  ["cancelled by {who}", "said.cancelled"],
  ["tried again by {who}", "said.retried"],
  ["its client was deleted", "said.deleted"],
  ["held: {wait}, next slot {hour} UTC", "said.held"],
  ["held: stopped by the kill switch ({scope})", "said.stopped"],
  ["back in line: it was not begun", "said.unbegun"],
  ["back in line: the kill switch was thrown", "said.thrown"],
  ["back in line: {fail}", "said.back"],
  ["WhatsApp asked this number to slow down; it rests for {time}", "said.rests"],
  ["a passing failure: {fail}; next try {when}", "said.passing"],
  ["no answer from WhatsApp: waiting for a receipt, else sent again under the same id at {when}", "said.unanswered"],
  ["sent again under the same id: its first sending was never confirmed", "said.resent"],
  ["it broke its handler, time {n}", "said.broke"],
  ["On its way to WhatsApp.", "said.coming"],
  ["Moving to another worker.", "said.moving"],
  ["Disconnected on request. Messages wait until somebody connects it again.", "said.asked"],
  ["Logged out on request. Pair it again to go on; waiting messages keep until they expire.", "said.unlinked.asked"],
  ["Waiting for the phone to be linked.", "said.linking"],
  ["Pairing was given up.", "said.givenup"],
  ["Online.", "said.online"],
  ["Online. WhatsApp forbids new chats for now; replies are sent.", "said.online.restricted"],
  ["The line to WhatsApp broke. It is being set up again by itself; messages wait.", "said.broken"],
  ["WhatsApp stopped answering. The line is being set up again by itself; messages wait.", "said.silent"],
  ["WhatsApp answers slowly. Nothing to do: the line mends itself or is renewed.", "said.slow"],
  ["WhatsApp's servers are busy. chasqui tries again by itself; messages wait.", "said.busy"],
  ["WhatsApp ended the line with an unknown error. chasqui tries again by itself; messages wait.", "said.error"],
  [
    "WhatsApp ended the line with an unknown error {n} times in {minutes}, so chasqui stopped trying. Read the error, then connect the client again.",
    "said.errors",
  ],
  ["Another worker holds this number now. Nothing to do.", "said.otherworker"],
  ["The keys of this number connected from somewhere else. chasqui tries once more within a minute.", "said.elsewhere"],
  [
    "The keys of this number are in use somewhere else, so chasqui stays off. Find the other program that runs with a copy of this session and stop it, then connect the client again.",
    "said.inuse",
  ],
  ["The client was unlinked on its phone. Pair it again; waiting messages keep until they expire.", "said.unlinked"],
  [
    "The phone itself was logged out of WhatsApp: it was replaced, or the number may be banned. Open WhatsApp on the phone; when it works there, pair the client again.",
    "said.locked",
  ],
  ["WhatsApp banned this number. Open WhatsApp on the phone to ask for a review. Pairing again is closed for 24 hours.", "said.banned"],
  [
    "WhatsApp banned this number until {when}. chasqui connects once after that; messages wait. Send less, and only to people who expect it.",
    "said.tempbanned",
  ],
  [
    "WhatsApp refuses this version of the library, so no number reconnects. Update chasqui, or set a newer WhatsApp web version; one number is tried every 15 minutes.",
    "said.outdated",
  ],
  [
    "WhatsApp refuses the device that this client claims to be. Check the client's device settings, then connect it again.",
    "said.identity",
  ],
  [
    "WhatsApp refused the login {n} times, so chasqui stopped trying. Check the number on its phone, then connect the client again.",
    "said.refused",
  ],
  ["WhatsApp refused the login. chasqui tries again in {minutes}; messages wait.", "said.refusing"],
  ["WhatsApp forbids this number to start new chats until {when}. Replies are sent; messages to new people wait.", "said.restricted"],
  ["This number may start new chats again.", "said.lifted"],
  ["Pairing did not succeed. Start it again and follow the steps on the phone.", "said.pairfailed"],
  ["The codes were not used in time. Ask for new ones.", "said.late"],
  ["WhatsApp gave no codes. Ask for new ones.", "said.nocodes"],
  ["WhatsApp gave out too many codes for this phone. Wait an hour, or pair by QR.", "said.toomany"],
  ["WhatsApp does not give codes for this phone number. Check it, or pair by QR.", "said.nocodefor"],
  ["The passkey was not accepted. Ask for new codes.", "said.passkey.refused"],
  ["WhatsApp did not answer to the passkey. Ask for new codes.", "said.passkey.unheard"],
  ["The passkey was not used in time. Ask for new codes.", "said.passkey.late"],
  ["WhatsApp ended the connection.", "said.ended"],
  ["the connection could not be made", "said.notmade"],
  ["WhatsApp could not be reached", "said.unreached"],
  ["The number was unlinked on its phone.", "said.phoneunlinked"],
  ["WhatsApp gives as reason: too many messages to people who do not have the number in their contacts.", "said.ban.strangers"],
  ["WhatsApp gives as reason: too many people blocked the number.", "said.ban.blocked"],
  ["WhatsApp gives as reason: too many groups with people who do not have the number in their contacts.", "said.ban.groups"],
  ["WhatsApp gives as reason: the same message to too many people.", "said.ban.same"],
  ["WhatsApp gives as reason: too many messages to a broadcast list.", "said.ban.broadcast"],
  ["WhatsApp gives as reason: a breach of the terms of service.", "said.ban.terms"],
  ["switched off by a person", "said.switchedoff"],
  ["{n} restrictions and bans by WhatsApp in the last 7 days.", "said.counted.restrictions"],
  ["{n} times in the last 7 days WhatsApp refused the line.", "said.counted.refusals"],
  ["{n} times in the last 24 hours the line broke.", "said.counted.breaks"],
  ["{n} of {all} messages of the last 24 hours arrived, those of the last 10 minutes not counted.", "said.share.arrived"],
  ["{n} of {all} messages of the last 24 hours failed.", "said.share.failed"],
];

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

const known = sentences.map(([pattern, key]) => {
  const parts = pattern.replace(/\.$/, "").split(/\{(\w+)\}/);
  const source = parts.map((part, i) => (i % 2 ? `(?<${part}>.+?)` : escaped(part))).join("");
  return { reads: new RegExp(`^${source}\\.?$`), key };
});

// What WhatsApp itself said comes last, with its code.
const tail = /^(?<text>.*?\.) (?:WhatsApp said: (?<what>.*?)(?: \((?<code>[^()]*)\))?|WhatsApp's code: (?<only>.*))\.$/;

/** Says in the viewer's language what the API wrote in words. */
export function said(text: string, words: Words): string {
  const { text: head = text, what, code, only } = tail.exec(text)?.groups ?? {};
  const first = sentence(head, words);
  const theirs = what ? sentence(what, words) : "";
  const more = theirs && !first.startsWith(theirs) ? words.t("said.whatsapp", { what: theirs }) : "";
  const codes = code || only ? words.t("said.code", { code: code || only || "" }) : "";
  return [first, more, codes].filter(Boolean).join(" ");
}

function sentence(text: string, words: Words): string {
  for (const { reads, key } of known) {
    const found = reads.exec(text);
    if (found) return fill(words.t(key), valuesOf(found.groups ?? {}, words));
  }
  return text;
}

// Names of reasons and moments are said in the viewer's language, too.
function valuesOf(found: Record<string, string>, { t, word, language }: Words): Record<string, string> {
  const out: Record<string, string> = { ...found };
  if (found.fail) out.fail = word("fail", found.fail);
  if (found.wait) out.wait = word("wait", found.wait);
  if (found.who?.startsWith("usr_")) out.who = t("said.person");
  if (found.when && !Number.isNaN(Date.parse(found.when))) out.when = written(new Date(found.when).toISOString(), language);
  return out;
}

interface Step {
  note?: string | undefined;
  data?: unknown;
}

/** What a line of a message's timeline says. */
export function stepSaid(step: Step, words: Words): string {
  const data = (step.data ?? {}) as { code?: string; blocked_by?: string | null; position?: number };
  if (data.code) return words.word("fail", data.code, step.note ?? "");
  if (!("blocked_by" in data)) return said(step.note ?? "", words);
  const place = data.position && data.position > 1 ? words.t("story.place", { n: data.position }) : "";
  if (!data.blocked_by) return place || words.t("said.next");
  return [words.word("wait", data.blocked_by, step.note), place].filter(Boolean).join(" · ");
}
