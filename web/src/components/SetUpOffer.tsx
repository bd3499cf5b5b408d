import { Alert, Anchor, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useT } from "@/lib/i18n";
import { setupQuery } from "@/lib/setup";

/** Leads to the set-up where there is no organisation that anybody could sign in to. */
export function SetUpOffer() {
  const { t } = useT();
  const { data } = useQuery(setupQuery);
  if (!data?.needed) return null;
  return (
    <Alert title={t("setup.offer")}>
      <Text size="sm" c="var(--mantine-color-text)">
        {t("setup.offer.text")}{" "}
        <Anchor component={Link} to="/set-up" inherit fw={600}>
          {t("setup.offer.action")}
        </Anchor>
      </Text>
    </Alert>
  );
}
