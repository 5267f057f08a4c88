/** Names and texts of people as they may be shown and sent: short, and nothing in them that controls the text around it. */
import { MAX_CHAT_TEXT, MAX_NAME } from "../../protocol/signal";

/** Control characters, halves of a character, and what changes the direction of the text. */
const CONTROLS = /[\p{Cc}\p{Cs}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
const ALL_BUT_LINE_BREAKS = new RegExp(`(?!\n)${CONTROLS.source}`, "gu");

export function cleanName(name: string): string {
  return shortened(name.trim().replace(CONTROLS, ""), MAX_NAME);
}

/** Empty: nothing to send or show. */
export function cleanText(text: string): string {
  return shortened(text.trim().replace(ALL_BUT_LINE_BREAKS, ""), MAX_CHAT_TEXT);
}

/** Counted in whole characters, as the server does. */
export function shortened(text: string, characters: number): string {
  return text.length <= characters ? text : Array.from(text).slice(0, characters).join("");
}
