import { Button, Center } from "@mantine/core";
import { useT } from "@/lib/i18n";

interface Props {
  query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };
}

/** Goes on where a list of pages ends for now. */
export function LoadMore({ query }: Props) {
  const { t } = useT();
  if (!query.hasNextPage) return null;
  return (
    <Center py="xs">
      <Button variant="default" size="sm" onClick={() => void query.fetchNextPage()} loading={query.isFetchingNextPage}>
        {t("loadmore")}
      </Button>
    </Center>
  );
}
