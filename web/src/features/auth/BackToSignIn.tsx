import { Anchor } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useT } from "@/lib/i18n";

export function BackToSignIn() {
  const { t } = useT();
  return (
    <Anchor component={Link} to="/sign-in" size="sm" ta="center">
      {t("forgot.back")}
    </Anchor>
  );
}
