// Sets the colours of the last start before the first paint. `lib/theme.ts` keeps the stored values up to date.
{
  const stored = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const more = matchMedia("(prefers-contrast: more)").matches;
  const root = document.documentElement;
  root.dataset.theme = stored("theme") ?? (dark ? "dark" : "light");
  if ((stored("contrast") ?? (more ? "more" : "normal")) === "more") root.dataset.contrast = "more";
}
