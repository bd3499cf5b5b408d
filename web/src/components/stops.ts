import { queryOptions } from "@tanstack/react-query";
import { listWhatIsStopped } from "@/api/generated";
import { ask } from "@/lib/trouble";

/** What the kill switch holds of the organisation, the widest first. */
export const stopsQuery = queryOptions({ queryKey: ["stops"], queryFn: () => ask(listWhatIsStopped()) });
