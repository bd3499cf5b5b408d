import type { Problem } from "@/api/generated";

/** A request that did not succeed, in the API's own words where it gave any. */
export class Trouble extends Error {
  /** What the API said; absent when no answer came at all. */
  readonly problem: Problem | undefined;

  constructor(problem?: Problem) {
    super(problem?.detail || problem?.title || "no answer");
    this.name = "Trouble";
    this.problem = problem;
  }

  get status(): number {
    return this.problem?.status ?? 0;
  }

  get code(): string {
    return this.problem?.code ?? "unreachable";
  }
}

interface Answer {
  data?: unknown;
  error?: unknown;
  response?: Response | undefined;
}

/** Gives the data of an answer of the generated client, or throws Trouble. */
export async function ask<A extends Answer>(asked: Promise<A>): Promise<NonNullable<A["data"]>> {
  const { data, error, response } = await asked;
  if (error !== undefined || !response?.ok) {
    throw new Trouble(isProblem(error) ? error : undefined);
  }
  return (data ?? {}) as NonNullable<A["data"]>;
}

export function isProblem(v: unknown): v is Problem {
  return typeof v === "object" && v !== null && "code" in v && "request_id" in v;
}

/** The message about one field of a request, such as "body.email". */
export function fieldTrouble(error: unknown, location: string): string | undefined {
  const fields = error instanceof Trouble ? error.problem?.errors : undefined;
  return fields?.find((f) => f.location === location)?.message;
}
