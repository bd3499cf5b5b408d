// Lists of the API come in pages, each with the cursor of the next one.

export interface Page<T> {
  data: T[];
  next: string | null;
}

// A list that is longer is no list that a person looks through whole.
const most = 10_000;

/** Reads a list to its end, for what is searched or counted here. */
export async function everyPage<T>(read: (cursor: string | undefined) => Promise<Page<T>>): Promise<Page<T>> {
  const data: T[] = [];
  let next: string | null = null;
  do {
    const page: Page<T> = await read(next ?? undefined);
    data.push(...page.data);
    next = page.next;
  } while (next && data.length < most);
  return { data, next };
}

/** How useInfiniteQuery goes on: the first page has no cursor. */
export const byCursor = {
  initialPageParam: "",
  getNextPageParam: (last: Page<unknown>) => last.next,
};

/** All that the pages so far hold. */
export function flat<T>(pages: { pages: Page<T>[] } | undefined): T[] {
  return pages?.pages.flatMap((p) => p.data) ?? [];
}
