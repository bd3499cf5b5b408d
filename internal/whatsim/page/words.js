// What is said to people.

export const plus = (number) => `+${number}`;

/** The time of day of a moment. */
export const clock = (time) => new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

/** The day of a moment, for the line between two days. */
export const day = (time) => new Date(time).toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });

const kinds = {
  waiting: (e) => (e.number ? `A device waits for its code to be entered on ${plus(e.number)}.` : "A device shows a QR code and waits to be scanned."),
  passkey: (e) => passkeySteps[e.detail]?.(plus(e.number)) ?? "",
  paired: (e) => `${plus(e.number)} linked a device.`,
  login: (e) => `The device of ${plus(e.number)} is online.`,
  login_failed: (e) => `The device of ${plus(e.number)} was refused when it came online${e.code ? ` (${e.code})` : ""}.`,
  logged_out: (e) => `The device of ${plus(e.number)} was unlinked ${unlinkedBy[e.detail] ?? ""}.`.replace(" .", "."),
  banned: (e) => `${plus(e.number)} was banned${e.code ? ` (${e.code})` : ""}.`,
  closed: (e) => (e.number ? `The connection of ${plus(e.number)} ended.` : ""),
  handshake_failed: () => "A connection failed at its handshake.",
  rule: (e) => `${rules[e.detail] ?? `The rule ${e.detail} acted`}${e.number ? `, from ${plus(e.number)}` : ""}.`,
  undeliverable: (e) => `A message of ${plus(e.number)} could not be read by ${plus(e.peer)}.`,
  retry_asked: (e) => `${plus(e.peer)} could not read a message and asked for it again.`,
  retry_served: (e) => `The device of ${plus(e.number)} could not read a message and got it again.`,
  new_phone: (e) => `${plus(e.number)} uses a new phone now.`,
  nack: (e) => `The device of ${plus(e.number)} refused something (${e.code}).`,
};

const passkeySteps = {
  asked: (number) => `${number} wants its passkey before it links the device.`,
  answered: (number) => `The passkey of ${number} fits.`,
  compare: (number) => `${number} shows a code, to be compared with the dashboard.`,
  refused: (number) => `The device was not let in by the passkey of ${number}.`,
};

const unlinkedBy = { "by the phone": "on the phone", "by the companion": "in the dashboard" };

const rules = {
  ack_error: "A message was refused with 463",
};

/** An event as a sentence; "" for what is of no interest to people. */
export const sentence = (event) => kinds[event.kind]?.(event) ?? "";

/** What a bubble or a line of a list shows of a message. */
export const preview = (message) => message.err ? "This message could not be read." : message.text || `[${message.kind}]`;
