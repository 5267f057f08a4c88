/**
 * What the page itself remembers of calls, followed from snapshots: with whom, from when to when and how good the last one was,
 * for the after-call screen; and the last few calls, for the home screen. Kept in memory only, because a link is a key.
 */
import type { CallView } from "../backend";
import { QualityLog } from "./quality";

/** Calls on the home screen; the oldest gives way. */
export const MAX_RECENT = 6;

export type RecentCall = { link: string; names: string[]; endedAt: Date; durationMs: number };

export class CallHistory {
  names = $state<string[]>([]);
  startedAt = $state<Date | null>(null);
  endedAt = $state<Date | null>(null);
  durationMs = $state(0);
  /** The newest first. */
  recent = $state.raw<RecentCall[]>([]);
  quality = new QualityLog();

  /** `keep`: the call is shown on the home screen afterwards; in privacy mode it is not. */
  follow(view: CallView, now: Date, keep = true): void {
    if (view.phase === "lobby" || view.phase === "home") this.#forget();
    const again = (view.phase === "inCall" || view.phase === "joining") && this.endedAt !== null;
    if (again) this.#forget();
    for (const { name } of view.participants) {
      if (name && !this.names.includes(name)) this.names = [...this.names, name];
    }
    if (view.connectedForMs !== null) {
      this.durationMs = view.connectedForMs;
      this.startedAt ??= new Date(now.getTime() - view.connectedForMs);
    }
    if (view.phase === "inCall") this.quality.follow(view);
    if (view.phase === "ended" && this.endedAt === null) {
      this.endedAt = now;
      if (keep) this.#remember(view, now);
    }
  }

  /** A call with somebody, once for each link. */
  #remember({ invite }: CallView, endedAt: Date): void {
    if (!invite || this.names.length === 0) return;
    const { link } = invite;
    const call = { link, names: [...this.names], endedAt, durationMs: this.durationMs };
    this.recent = [call, ...this.recent.filter((each) => each.link !== link)].slice(0, MAX_RECENT);
  }

  #forget(): void {
    this.quality = new QualityLog();
    if (this.startedAt === null && this.endedAt === null && this.names.length === 0) return;
    this.names = [];
    this.startedAt = null;
    this.endedAt = null;
    this.durationMs = 0;
  }
}
