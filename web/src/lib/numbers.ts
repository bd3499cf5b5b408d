import { useQuery } from "@tanstack/react-query";
import type { Client } from "@/api/generated";
import { clientsQuery } from "@/lib/clients";
import { phone } from "@/lib/format";

const none: Client[] = [];

/** The numbers that somebody sees; none until they are known. */
export function useNumbers(): Client[] {
  return useQuery(clientsQuery).data?.data ?? none;
}

/** A number as people tell it from others. */
export function numberName(c: Client): string {
  return [c.name, phone(c.phone)].filter(Boolean).join(" · ");
}
