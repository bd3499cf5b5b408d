const atOnce = 4;

export interface Outcome {
  done: number;
  /** Why the others were not done. */
  refused: unknown[];
}

/** Does something to every one of many, a few at a time; what is refused does not stop the rest. */
export async function each<T>(all: readonly T[], act: (one: T) => Promise<unknown>): Promise<Outcome> {
  const out: Outcome = { done: 0, refused: [] };
  const rest = [...all];
  const work = async () => {
    for (let one = rest.shift(); one !== undefined; one = rest.shift()) {
      try {
        await act(one);
        out.done++;
      } catch (err) {
        out.refused.push(err);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return out;
}
