import { Box, Text } from "@mantine/core";
import type { ReactNode } from "react";

/** Labels with what they stand for, in as many columns as fit; what is nothing is left out. */
export function Facts({ rows }: { rows: [label: string, value: ReactNode][] }) {
  return (
    <dl className="facts">
      {rows
        .filter(([, value]) => value !== undefined && value !== null && value !== "" && value !== false)
        .map(([label, value]) => (
          <div key={label}>
            <Text component="dt" size="xs" c="dimmed">
              {label}
            </Text>
            <Box component="dd" m={0} fz="sm">
              {value}
            </Box>
          </div>
        ))}
    </dl>
  );
}
