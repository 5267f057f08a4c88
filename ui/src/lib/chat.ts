/** Chat lines as they are shown: links found in the text, and lines of one person put together. Text only, never markup. */
import type { ChatLine } from "./backend";

/** Lines of one person within this time stand under one name. */
const RUN_SECONDS = 300;
const LINK = /\bhttps?:\/\/[^\s<>"'`]+/gi;

export type Piece = { text: string; href: string | null };

/** `text` in pieces; put together they are the same text again. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(LINK)) {
    const link = trimmed(match[0]);
    if (!isLink(link)) continue;
    if (match.index > from) found.push({ text: text.slice(from, match.index), href: null });
    found.push({ text: link, href: link });
    from = match.index + link.length;
  }
  if (from < text.length) found.push({ text: text.slice(from), href: null });
  return found;
}

/** Without the full stop or bracket of the sentence around it. */
function trimmed(link: string): string {
  const short = link.replace(/[.,;:!?]+$/, "");
  return short.endsWith(")") && !short.includes("(") ? trimmed(short.slice(0, -1)) : short;
}

function isLink(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  // A name before the host makes another site look like this one.
  return /^https?:$/.test(protocol) && hostname.length > 0 && !username && !password;
}

/** Whether `line` stands under the name of the one before it. */
export function continues(before: ChatLine | undefined, line: ChatLine): boolean {
  return (
    before !== undefined &&
    before.from === line.from &&
    before.to?.id === line.to?.id &&
    line.replyTo === null &&
    line.at - before.at <= RUN_SECONDS
  );
}
