import { type CSSVariablesResolver, createTheme, type MantineThemeOverride, mergeThemeOverrides } from "@mantine/core";

export const theme = createTheme({
  primaryColor: "jade",
  primaryShade: { light: 7, dark: 7 },
  autoContrast: true,
  defaultRadius: "md",
  cursorType: "pointer",
  respectReducedMotion: true,
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', sans-serif",
  headings: { fontWeight: "650" },
  components: {
    // Fractions can be typed everywhere, and are refused where none may be: a field that drops the mark takes 2,5 for 25.
    NumberInput: { defaultProps: { allowedDecimalSeparators: [".", ","] } },
  },
  colors: {
    jade: ["#e8f8f2", "#d3eee4", "#a6dcc8", "#75c9aa", "#4db991", "#34af81", "#179e70", "#0b7a5d", "#08664d", "#05503c"],
  },
});

// What is written on a tint of its own colour, in light pages.
const onTints = { orange: "#a8370a", yellow: "#7a5200", red: "#b02525", blue: "#1560a8", jade: "#066048" };

/** Colours of text that keep a contrast of 4.5 on our pages; the kit's own do not. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#59636b",
    "--mantine-color-placeholder": "#6b757d",
    "--mantine-color-anchor": "#066048",
    "--mantine-color-error": onTints.red,
    ...Object.fromEntries(Object.entries(onTints).map(([name, color]) => [`--mantine-color-${name}-light-color`, color])),
  },
  dark: {
    "--mantine-color-dimmed": "#a3abb2",
    "--mantine-color-placeholder": "#8f979e",
    "--mantine-color-text": "#e3e6e8",
    "--mantine-color-error": "#ff8787",
  },
});

/** The theme with the words that the kit has none for: what closes a dialog. */
export function withWords(close: string): MantineThemeOverride {
  const closing = { defaultProps: { closeButtonProps: { "aria-label": close } } };
  return mergeThemeOverrides(theme, { components: { Modal: closing, Drawer: closing, Notification: closing } });
}
