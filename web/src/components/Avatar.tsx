import { Avatar as Circle } from "@mantine/core";
import { IconUser } from "@tabler/icons-react";
import { initials } from "@/lib/format";

/** Somebody's initials in a colour of their own. */
export function Avatar({ name, size = 40 }: { name: string; size?: number }) {
  const letters = initials(name);
  return (
    <Circle
      size={size}
      radius="xl"
      color={letters ? "initials" : "gray"}
      name={letters ? name : undefined}
      styles={{ placeholder: { color: "var(--mantine-color-text)" } }}
      aria-hidden
    >
      {letters || <IconUser size={size * 0.55} stroke={1.6} />}
    </Circle>
  );
}
