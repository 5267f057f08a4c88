/** Rules that hold for all of the page's source: words in both languages, colours only as tokens, styles only in sheets. */
import { describe, expect, it } from "vitest";

import en from "../../messages/en.json";
import sv from "../../messages/sv.json";

const sources: Record<string, string> = {
  ...import.meta.glob<string>(["../../src/**/*.{svelte,ts}", "!../../src/lib/paraglide/**"], {
    query: "?raw",
    import: "default",
    eager: true,
  }),
  ...import.meta.glob<string>("../../src/**/*.css", { query: "?raw", import: "default", eager: true }),
};
/** The app speaks without its page while there is none: its sentences are in the same catalogues. */
const native = import.meta.glob<string>("../../../src-tauri/src/**/*.rs", {
  query: "?raw",
  import: "default",
  eager: true,
});
const files = Object.entries(sources).filter(([path]) => !path.endsWith("tokens.css"));

/** Lines of all files that match, as `file: line`. */
function lines(pattern: RegExp, of = files): string[] {
  return of.flatMap(([path, text]) =>
    text
      .split("\n")
      .filter((line) => pattern.test(line))
      .map((line) => `${path.replace("../../", "")}: ${line.trim()}`),
  );
}

describe("messages", () => {
  type Entry = string | { match: Record<string, string> }[];
  const entries = (catalogue: object) =>
    Object.entries(catalogue).filter(([key]) => key !== "$schema") as [string, Entry][];
  const text = (entry: Entry) =>
    typeof entry === "string" ? entry : entry.flatMap(({ match }) => Object.values(match)).join(" ");
  const holes = (entry: Entry) => [...new Set(text(entry).match(/\{\w+\}/g))].sort();

  it("have the same keys and the same places to fill in both languages", () => {
    const swedish = new Map(entries(sv));
    expect([...swedish.keys()]).toEqual(entries(en).map(([key]) => key));
    for (const [key, entry] of entries(en)) expect([key, holes(swedish.get(key) ?? "")]).toEqual([key, holes(entry)]);
  });

  it("are all used and never empty", () => {
    const source = files.map(([, content]) => content).join("\n");
    const rust = Object.values(native).join("\n");
    for (const [key, entry] of [...entries(en), ...entries(sv)]) {
      expect(text(entry).trim(), key).not.toBe("");
      const used = key.startsWith("native_") ? rust.includes(`"${key}"`) : new RegExp(`\\bm\\.${key}\\b`).test(source);
      expect(used, `${key} is used`).toBe(true);
    }
  });

  it("are short sentences without jargon", () => {
    for (const [key, entry] of entries(en)) {
      expect(text(entry), key).not.toMatch(
        /\b(packet|codec|peer|relay|token|fingerprint|oops|something went wrong)\b/i,
      );
    }
  });
});

describe("source", () => {
  it("is read at all", () => {
    expect(files.length).toBeGreaterThan(50);
  });

  it("names colours only in the tokens", () => {
    expect(
      lines(
        /#[0-9a-f]{3,8}\b(?!["'`]?\s*\))|\b(rgb|hsl|oklch)a?\(/i,
        files.filter(([path]) => /\.(svelte|css)$/.test(path)),
      ),
    ).toEqual([]);
    const palette = /var\(--(roast|linen|saffron|cardamom|lingon|cloudberry)-/;
    expect(lines(palette)).toEqual([]);
  });

  it("has no style attributes and no inline handlers, which the content security policy forbids", () => {
    expect(lines(/\sstyle="(?!\{)/)).toEqual([]);
    expect(lines(/\{@html/)).toEqual([]);
  });

  it("reaches Tauri only through the backend", () => {
    expect(
      lines(
        /@tauri-apps/,
        files.filter(([path]) => !path.includes("/lib/backend/")),
      ),
    ).toEqual([]);
  });

  it("has no words outside the catalogue", () => {
    const markup = files
      .filter(([path]) => path.endsWith(".svelte"))
      .map(([path, content]): [string, string] => [
        path,
        content
          .replace(/<(script|style)[\s\S]*?<\/\1>/g, "")
          .replace(/<!--[\s\S]*?-->/g, "")
          .replace(/\{[^{}]*\}/g, ""),
      ]);
    expect(lines(/(?:aria-label|title|placeholder)="(?!https:)[A-Za-zÅÄÖåäö]{3,}/, markup)).toEqual([]);
  });
});
