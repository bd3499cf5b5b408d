import { client } from "@/api/generated/client.gen";
import { send } from "@/lib/session";

/** Lets every request of the generated client carry the session. */
export function configure(): void {
  client.setConfig({ baseUrl: "", fetch: send });
}
