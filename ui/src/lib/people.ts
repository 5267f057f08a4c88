/** How a person looks without a picture: initials, one of eight colours, the angle of the cup's handle. */

const COLOURS = 8;

/** First letters of the first and last word, at most two; `?` for an empty name. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const picked = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  const letters = picked.map((word) => firstLetter(word ?? "")).join("");
  return letters.toUpperCase() || "?";
}

export function firstName(name: string): string {
  return name.trim().split(/\s+/)[0] ?? "";
}

/** FNV-1a: the same person has the same colour and handle everywhere. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const unit of new TextEncoder().encode(text)) value = Math.imul(value ^ unit, 0x01000193) >>> 0;
  return value;
}

/** `--p1` to `--p8`. */
export function colour(name: string): string {
  return `var(--p${(hash(name.trim()) % COLOURS) + 1})`;
}

/** Degrees, in steps of 15; never where the name label hides it. */
export function handleAngle(name: string): number {
  return -165 + 15 * (hash(`${name.trim()} cup`) % 10);
}

function firstLetter(word: string): string {
  return Array.from(word).find((letter) => /[\p{L}\p{N}]/u.test(letter)) ?? "";
}
