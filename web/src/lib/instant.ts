// Moments as browsers' date fields hold them ("2026-11-22T20:15", in the viewer's zone) and as the API does (RFC 3339, UTC).

/** The moment of a date field; undefined while it holds none. */
export function toInstant(field: string): string | undefined {
  const at = new Date(field);
  return field && !Number.isNaN(at.getTime()) ? at.toISOString() : undefined;
}

/** What a date field shows of a moment, to the minute; "" for none. */
export function toField(instant: string | Date | undefined): string {
  if (!instant) return "";
  const at = new Date(instant);
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

const hour = 3_600_000;

/** So many hours before (or, negative, after) now. */
export function hoursAgo(hours: number, now = new Date()): string {
  return new Date(now.getTime() - hours * hour).toISOString();
}
