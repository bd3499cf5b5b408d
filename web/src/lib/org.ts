import { queryOptions } from "@tanstack/react-query";
import { getTheOrganisation } from "@/api/generated";
import { ask } from "@/lib/trouble";

const read = () => ask(getTheOrganisation());

/** The organisation with what it has set. */
export type Org = Awaited<ReturnType<typeof read>>;

export const orgQuery = queryOptions({ queryKey: ["org"], queryFn: read });
