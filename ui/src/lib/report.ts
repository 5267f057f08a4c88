/** A report on a call that somebody may copy and send: figures only, no names, links or addresses. For machines and helpers. */
import type { CallHistory } from "./state/history.svelte";

export type Rating = "good" | "fair" | "bad";

export function callReport(
  app: { version: string; platform: string },
  { durationMs, names, quality }: Pick<CallHistory, "durationMs" | "names" | "quality">,
  rating: Rating,
): string {
  const report = {
    fika: app.version,
    platform: app.platform,
    rating,
    seconds: Math.round(durationMs / 1000),
    people: names.length + 1,
    ...quality.figures,
    minutes: quality.minutes.map(({ at, good, fair, weak }) => [at, good, fair, weak]),
  };
  return JSON.stringify(report);
}
