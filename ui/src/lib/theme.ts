/** Applies the colours to the document and keeps them for the first paint of the next start (`public/theme.js`). */
import type { Appearance } from "./backend";

const dark = () => matchMedia("(prefers-color-scheme: dark)");
const more = () => matchMedia("(prefers-contrast: more)");

export function applyTheme({ theme, contrast }: Pick<Appearance, "theme" | "contrast">): void {
  const root = document.documentElement;
  root.dataset.theme = theme === "system" ? (dark().matches ? "dark" : "light") : theme;
  const wantsMore = contrast === "system" ? more().matches : contrast === "more";
  if (wantsMore) root.dataset.contrast = "more";
  else delete root.dataset.contrast;
  remember("theme", theme);
  remember("contrast", contrast);
}

/** Calls `changed` when the system's own choice changes. */
export function watchSystemTheme(changed: () => void): void {
  for (const query of [dark(), more()]) query.addEventListener("change", changed);
}

function remember(key: string, value: string): void {
  try {
    if (value === "system") localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Without storage the first paint follows the system; nothing else depends on it.
  }
}
