import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { type Chat, getAChat, listChats, listMessages, listUsers, type User } from "@/api/generated";
import { type ChatFilter, chatsKey } from "@/lib/chats";
import { phone } from "@/lib/format";
import { useT } from "@/lib/i18n";
import { ask } from "@/lib/trouble";

const chatsAtOnce = 50;
const hitsAtOnce = 20;

export const chatsQuery = (f: ChatFilter) =>
  infiniteQueryOptions({
    queryKey: chatsKey(f),
    queryFn: ({ pageParam }) =>
      ask(
        listChats({
          query: {
            limit: chatsAtOnce,
            ...(f.q ? { q: f.q } : {}),
            ...(f.client ? { client: f.client } : {}),
            ...(f.unread ? { unread: true } : {}),
            ...(f.assigned ? { assigned_to: f.assigned } : {}),
            ...(pageParam ? { cursor: pageParam } : {}),
          },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (last) => last.next ?? undefined,
    placeholderData: keepPreviousData,
  });

/** Messages in which something was said. */
export const hitsQuery = (q: string, client: string) =>
  infiniteQueryOptions({
    queryKey: ["hits", q, client],
    queryFn: ({ pageParam }) =>
      ask(listMessages({ query: { q, limit: hitsAtOnce, ...(client ? { client } : {}), ...(pageParam ? { cursor: pageParam } : {}) } })),
    initialPageParam: "",
    getNextPageParam: (last) => last.next ?? undefined,
    enabled: q !== "",
    staleTime: 10_000,
  });

export const chatQuery = (id: string) => queryOptions({ queryKey: ["chat", id], queryFn: () => ask(getAChat({ path: { chat: id } })) });

const peoplePagesAtMost = 5;

/** Who is in the team; asked only by those who may see it. */
export const peopleQuery = queryOptions({
  queryKey: ["people"],
  queryFn: async () => {
    const all: User[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < peoplePagesAtMost; page++) {
      const got: { data: User[]; next: string | null } = await ask(listUsers({ query: { limit: 200, ...(cursor ? { cursor } : {}) } }));
      all.push(...got.data);
      cursor = got.next;
      if (!cursor) break;
    }
    return all.filter((u) => u.status === "active" && u.role !== "viewer");
  },
  staleTime: 60_000,
});

/** What to call the other side of a chat. */
export function useChatName(): (chat: Chat | undefined) => string {
  const { t } = useT();
  return (chat) => {
    if (!chat) return "";
    if (chat.kind === "group") return chat.name || t("inbox.group", { id: chat.group_id?.split("@")[0] ?? "" });
    return (chat.name === chat.phone ? phone(chat.phone) : chat.name) || t("inbox.nameless");
  };
}
