import { Button, Skeleton, Stack, Switch } from "@mantine/core";
import { IconKey, IconPlus } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { listApiKeys } from "@/api/generated";
import { Empty } from "@/components/Empty";
import { PageHead } from "@/components/PageHead";
import { TroubleNote } from "@/components/TroubleNote";
import { Create } from "@/features/keys/Create";
import { standing } from "@/features/keys/expiry";
import { KeyCard } from "@/features/keys/KeyCard";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { byCursor, flat } from "@/lib/pages";
import { ask } from "@/lib/trouble";

export function Page() {
  const { t } = useT();
  const allowed = useMay();
  const [creating, setCreating] = useState(false);
  const [ended, setEnded] = useState(false);
  const list = useInfiniteQuery({
    queryKey: ["keys"],
    queryFn: ({ pageParam }) => ask(listApiKeys({ query: { limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } })),
    ...byCursor,
  });
  const all = flat(list.data);
  const active = all.filter((k) => standing(k) === "active");
  const shown = ended ? all : active;
  const add = allowed("keys:write") && (
    <Button leftSection={<IconPlus size={18} />} onClick={() => setCreating(true)}>
      {t("keys.add")}
    </Button>
  );
  return (
    <>
      <PageHead title={t("keys.title")} text={t("keys.text")}>
        {active.length > 0 && add}
      </PageHead>
      <Stack>
        <TroubleNote error={list.error} />
        {list.isPending && <Skeleton h={240} radius="lg" />}
        {list.isSuccess && active.length === 0 && !list.hasNextPage && (
          <Empty icon={IconKey} title={t("keys.empty.title")} text={t("keys.empty.text")}>
            {add}
          </Empty>
        )}
        {all.length > active.length && (
          <Switch label={t("keys.ended")} checked={ended} onChange={(e) => setEnded(e.currentTarget.checked)} />
        )}
        {shown.map((k) => (
          <KeyCard key={k.id} apiKey={k} />
        ))}
        {list.hasNextPage && (
          <Button w="fit-content" variant="default" onClick={() => void list.fetchNextPage()} loading={list.isFetchingNextPage}>
            {t("loadmore")}
          </Button>
        )}
      </Stack>
      {creating && <Create onClose={() => setCreating(false)} />}
    </>
  );
}
