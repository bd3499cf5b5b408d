import { ActionIcon, Menu } from "@mantine/core";
import { IconDots, IconDownload } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { exportContacts } from "@/api/generated";
import { complain } from "@/components/TroubleNote";
import { useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";
import { save } from "@/lib/save";
import { ask } from "@/lib/trouble";

/** What can be done with all the people of the inbox. */
export function InboxMenu() {
  const { t } = useT();
  const allowed = useMay();
  const make = useMutation({
    // The session is in a header, so a plain link would be refused.
    mutationFn: async () => save((await ask(exportContacts({ parseAs: "blob" }))) as unknown as Blob, "contacts.csv"),
    onError: complain,
  });
  if (!allowed("contacts:export")) return null;
  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t("inbox.more")} loading={make.isPending}>
          <IconDots size={20} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconDownload size={16} />} onClick={() => make.mutate()}>
          {t("inbox.export")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
