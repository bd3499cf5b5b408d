import { Badge, Button, Group } from "@mantine/core";
import { IconArrowUp, IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import type { ListMessage } from "@/api/generated";
import { useT } from "@/lib/i18n";

interface Props {
  list: ListMessage;
  /** How many came in since the newest page was asked for. */
  news: number;
  onMove: (cursor: string) => void;
  onNewest: () => void;
}

/** Goes through the table by pages, both ways. */
export function Pager({ list, news, onMove, onNewest }: Props) {
  const { t } = useT();
  return (
    <Group justify="space-between" className="pager">
      <Group gap="xs">
        <Button
          variant="default"
          leftSection={<IconChevronLeft size={16} />}
          disabled={!list.prev}
          onClick={() => list.prev && onMove(list.prev)}
        >
          {t("messages.newer")}
        </Button>
        <Button
          variant="default"
          rightSection={<IconChevronRight size={16} />}
          disabled={!list.next}
          onClick={() => list.next && onMove(list.next)}
        >
          {t("messages.older")}
        </Button>
      </Group>
      {(list.prev || news > 0) && (
        <Button
          variant={news > 0 ? "filled" : "default"}
          leftSection={<IconArrowUp size={16} />}
          onClick={onNewest}
          rightSection={
            news > 0 && (
              <Badge variant="white" size="sm">
                {t("messages.news", { count: news })}
              </Badge>
            )
          }
        >
          {t(news > 0 ? "messages.news.show" : "messages.tonewest")}
        </Button>
      )}
    </Group>
  );
}
