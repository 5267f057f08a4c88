/** The name under which a file that a stranger named may be kept and shown: as `call::files::name` in Rust. */

/** Bytes of UTF-8, and of an ending that is kept when a name is cut. */
const MAX_NAME = 200;
const MAX_ENDING = 16;

/** Controls, and marks that turn, join or hide the text around them. */
const HIDES =
  /[\p{Cc}\p{Cs}\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)/i;

const bytes = (text: string) => new TextEncoder().encode(text).length;

export function safeName(name: string): string {
  const last = name.split(/[/\\]/).findLast((part) => part.replace(/^[. ]+|[. ]+$/g, "") !== "") ?? "";
  const kept = cut(
    last
      .replace(HIDES, "")
      .replace(/[<>:"|?*]/g, "_")
      .replace(/^[.\s]+|[.\s]+$/g, ""),
  );
  if (kept === "") return "file";
  return DEVICE.test(kept) ? `_${kept}` : kept;
}

function cut(name: string): string {
  if (bytes(name) <= MAX_NAME) return name;
  const at = name.lastIndexOf(".");
  const ending = at > 0 && bytes(name.slice(at)) <= MAX_ENDING ? name.slice(at) : "";
  const stem = Array.from(name.slice(0, at > 0 ? at : undefined));
  while (bytes(stem.join("")) > MAX_NAME - bytes(ending)) stem.pop();
  return stem.join("").replace(/[. ]+$/, "") + ending;
}

/** A media type as it may be shown; else empty. */
export function safeMediaType(text: string): string {
  return /^[\w!#$&^.+-]{1,50}\/[\w!#$&^.+-]{1,50}$/.test(text) ? text.toLowerCase() : "";
}
