import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { exportMessages, getAContact, listChats, listMessages } from "@/api/generated";
import { type Filters, toQuery } from "@/features/messages/filters";
import { phone } from "@/lib/format";
import { ask } from "@/lib/trouble";

const rows = 50;

/** One page of the table. */
export const tableQuery = (f: Filters, at: string) =>
  queryOptions({
    queryKey: ["table", f, at],
    queryFn: () => ask(listMessages({ query: { ...toQuery(f), limit: rows, ...(at ? { cursor: at } : {}) } })),
    placeholderData: keepPreviousData,
    staleTime: 5_000,
  });

export interface Person {
  id: string;
  label: string;
}

const people = 20;

/** People by their name or number, as the chats know them. */
export const peopleQuery = (q: string) =>
  queryOptions({
    queryKey: ["people-by", q],
    queryFn: async (): Promise<Person[]> => {
      const { data } = await ask(listChats({ query: { limit: people, ...(q ? { q } : {}) } }));
      const found = new Map<string, Person>();
      for (const c of data) {
        if (c.contact_id) found.set(c.contact_id, { id: c.contact_id, label: labelOf(c.name, c.phone) });
      }
      return [...found.values()];
    },
    placeholderData: keepPreviousData,
  });

/** Who it is that the address names. */
export const personQuery = (id: string) =>
  queryOptions({
    queryKey: ["person", id],
    queryFn: async (): Promise<Person> => {
      const c = await ask(getAContact({ path: { contact: id } }));
      return { id, label: labelOf(c.name || c.push_name || "", c.phone ?? "") };
    },
    enabled: id !== "",
    staleTime: 60_000,
  });

const labelOf = (name: string, number: string) => [name === number ? "" : name, phone(number)].filter(Boolean).join(" · ");

/** The whole of what the filters find, as CSV. */
export async function exported(f: Filters): Promise<Blob> {
  // The session is in a header, so a plain link would be refused.
  return (await ask(exportMessages({ query: toQuery(f), parseAs: "blob" }))) as unknown as Blob;
}
