// Why there is nothing to see yet.

export type Reason = "start.none" | "start.own.none" | "start.own.unlinked" | "start.own.quiet";

/** What is so for who cannot set anything up; unlinked and wrote are undefined while nobody knows. */
export function reason(numbers: number, writes: boolean, unlinked: boolean | undefined, wrote: boolean | undefined): Reason | undefined {
  if (numbers === 0) return writes ? "start.own.none" : "start.none";
  if (!writes || wrote !== false || unlinked === undefined) return undefined;
  return unlinked ? "start.own.unlinked" : "start.own.quiet";
}
