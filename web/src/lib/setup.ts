import { queryOptions } from "@tanstack/react-query";
import { askWhetherTheInstallationIsToBeSetUp } from "@/api/generated";
import { ask } from "@/lib/trouble";

/** Whether there is no organisation yet. */
export const setupQuery = queryOptions({
  queryKey: ["setup"],
  queryFn: () => ask(askWhetherTheInstallationIsToBeSetUp()),
  staleTime: 60_000,
});

/** The address of the simulated phones, which the page itself tells where there are some: in development. */
export function usePocketPhone(): string | undefined {
  return document.querySelector<HTMLMetaElement>('meta[name="pocket-phone"]')?.content || undefined;
}
