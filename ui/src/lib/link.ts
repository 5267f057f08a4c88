/** What a person may paste as an invite. The backend judges the link; here it is only found in the text around it. */

/** Longest text that is looked at. */
export const MAX_TEXT = 4096;

/** The first Fika link in `text`, else the trimmed text itself: "join here: https://… !" becomes the link. */
export function findLink(text: string): string {
  const short = text.slice(0, MAX_TEXT);
  const link = /(?:https?|fika):\/\/[^\s<>"']+\/j\/[^\s<>"']*/i.exec(short)?.[0];
  return (link ?? short).trim().replace(/[.,;!?)\]]+$/, "");
}

/** The address of a page that a server shows to guests, as the system hands it to the app. */
export function appLink({ protocol, host, pathname, hash }: Pick<Location, "protocol" | "host" | "pathname" | "hash">) {
  return `fika://${host}${pathname}${protocol === "http:" ? "?plain" : ""}${hash}`;
}

/** Worth filling in without being asked. */
export function looksLikeLink(text: string): boolean {
  return /^(?:https?|fika):\/\/\S+\/j\/\S+/i.test(findLink(text));
}
