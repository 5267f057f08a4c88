/** How good a call was, minute by minute, from the snapshots that come once a second. Bounded; the oldest minutes go first. */
import type { CallView, Quality } from "../backend";

/** A day. */
export const MAX_MINUTES = 24 * 60;
/** A minute with this many weak seconds is a weak one, with this many seconds that are not good a fair one. */
const WEAK_SECONDS = 10;
const FAIR_SECONDS = 20;

export type Minute = {
  /** Since the start of the call. */
  at: number;
  /** Seconds of each. */
  good: number;
  fair: number;
  weak: number;
};
export type Figures = { longestRoundTripMs: number; mostLossPercent: number; relayed: boolean };

export class QualityLog {
  minutes: Minute[] = [];
  figures: Figures = { longestRoundTripMs: 0, mostLossPercent: 0, relayed: false };
  #second = -1;
  /** Seconds before the connection was made anew. */
  #before = 0;

  follow({ connectedForMs, connection, quality }: CallView): void {
    if (connectedForMs === null) return;
    const second = Math.floor(connectedForMs / 1000);
    // Snapshots come in between too, for other reasons.
    if (second === this.#second) return;
    const gone = connection === "reconnecting" || connection === "unstable";
    const level: Quality | undefined = gone ? "weak" : quality?.level;
    if (!level) return;
    if (second < this.#second) this.#before += this.#second + 1;
    this.#second = second;
    this.#minute(Math.floor((this.#before + second) / 60))[level] += 1;
    if (!quality) return;
    this.figures = {
      longestRoundTripMs: Math.max(this.figures.longestRoundTripMs, quality.roundTripMs ?? 0),
      mostLossPercent: Math.max(this.figures.mostLossPercent, quality.lossPercent),
      relayed: this.figures.relayed || quality.relayed,
    };
  }

  #minute(at: number): Minute {
    const last = this.minutes.at(-1);
    if (last?.at === at) return last;
    const minute = { at, good: 0, fair: 0, weak: 0 };
    this.minutes.push(minute);
    if (this.minutes.length > MAX_MINUTES) this.minutes.shift();
    return minute;
  }
}

export function levelOf({ fair, weak }: Minute): Quality {
  if (weak >= WEAK_SECONDS) return "weak";
  return fair + weak >= FAIR_SECONDS ? "fair" : "good";
}

/** At most `count` bars of as many minutes each, so that a long call has room: the worst level, and 0 to 1 of how good. */
export function bars(minutes: readonly Minute[], count: number): { level: Quality; score: number }[] {
  const each = Math.max(1, Math.ceil(minutes.length / count));
  const order: Quality[] = ["weak", "fair", "good"];
  return Array.from({ length: Math.ceil(minutes.length / each) }, (_, index) => {
    const group = minutes.slice(index * each, (index + 1) * each);
    const levels = group.map(levelOf);
    const sum = (key: "good" | "fair" | "weak") => group.reduce((total, minute) => total + minute[key], 0);
    const seconds = sum("good") + sum("fair") + sum("weak");
    const score = seconds > 0 ? (sum("good") + 0.6 * sum("fair")) / seconds : 0;
    return { level: order.find((level) => levels.includes(level)) ?? "good", score };
  });
}
