import { Box } from "@mantine/core";
import { useMemo } from "react";
import { encode } from "uqr";

/** A QR code; on white in dark pages too, because cameras want it so. */
export function QR({ text, label, size = 264 }: { text: string; label: string; size?: number }) {
  const { path, width } = useMemo(() => draw(text), [text]);
  return (
    <Box bg="white" p={12} w="fit-content" style={{ borderRadius: 12 }}>
      <svg
        viewBox={`0 0 ${width} ${width}`}
        width={size}
        height={size}
        role="img"
        aria-label={label}
        shapeRendering="crispEdges"
        style={{ display: "block" }}
      >
        <path d={path} fill="#111" />
      </svg>
    </Box>
  );
}

function draw(text: string): { path: string; width: number } {
  const { data, size } = encode(text, { ecc: "L", border: 0 });
  let path = "";
  for (const [y, row] of data.entries()) {
    for (const [x, dark] of row.entries()) {
      if (dark) path += `M${x} ${y}h1v1h-1z`;
    }
  }
  return { path, width: size };
}
