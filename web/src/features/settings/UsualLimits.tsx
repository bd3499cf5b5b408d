import { Button } from "@mantine/core";
import { IconArrowBackUp } from "@tabler/icons-react";
import type { Limits } from "@/api/generated";
import { useT } from "@/lib/i18n";
import { sameLimits, usualLimits } from "@/lib/limits";

/** Fills in what numbers get where nobody has set anything else; it is saved like any change. */
export function UsualLimits({ draft, onPick }: { draft: Limits; onPick: (usual: Limits) => void }) {
  const { t } = useT();
  if (sameLimits(draft, usualLimits)) return null;
  return (
    <Button w="fit-content" size="xs" variant="default" leftSection={<IconArrowBackUp size={16} />} onClick={() => onPick(usualLimits)}>
      {t("settings.newlimits.usual")}
    </Button>
  );
}
