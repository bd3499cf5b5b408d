import { Group, Text } from "@mantine/core";

export function Brand({ size = 28 }: { size?: number }) {
  return (
    <Group gap={8} wrap="nowrap">
      <img src="/icon.svg" width={size} height={size} alt="" />
      <Text fw={700} size={size > 30 ? "xl" : "lg"} style={{ letterSpacing: "-0.02em" }}>
        chasqui
      </Text>
    </Group>
  );
}
