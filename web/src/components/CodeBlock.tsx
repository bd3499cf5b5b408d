import { ActionIcon, Box, Code, CopyButton, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useT } from "@/lib/i18n";

interface Props {
  code: string;
  label: string;
  /** What is copied, if it is not what is shown. */
  copied?: string;
  /** Breaks long lines: for what came from elsewhere. */
  wrap?: boolean;
}

/** Code to copy. It scrolls, with the keyboard too. */
export function CodeBlock({ code, label, copied: text = code, wrap = false }: Props) {
  const { t } = useT();
  return (
    <Box pos="relative">
      <Code block tabIndex={0} role="region" aria-label={label} fz={13} lh={1.55} pr={52} mah={420} className={wrap ? "piece" : "code"}>
        {code}
      </Code>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Tooltip label={t(copied ? "copied" : "copy")}>
            <ActionIcon
              pos="absolute"
              top={8}
              right={8}
              size={34}
              variant={copied ? "filled" : "default"}
              onClick={copy}
              aria-label={`${t(copied ? "copied" : "copy")}: ${label}`}
            >
              {copied ? <IconCheck size={18} /> : <IconCopy size={18} />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </Box>
  );
}
