/** What the after-call screen tells: with whom, from when to when. Followed from snapshots, forgotten with the next call. */
import type { CallView } from "../backend";

export class CallHistory {
  names = $state<string[]>([]);
  startedAt = $state<Date | null>(null);
  endedAt = $state<Date | null>(null);
  durationMs = $state(0);

  follow(view: CallView, now: Date): void {
    if (view.phase === "lobby" || view.phase === "home") this.#forget();
    if (view.phase === "inCall" || view.phase === "joining") this.endedAt = null;
    for (const { name } of view.participants) {
      if (name && !this.names.includes(name)) this.names = [...this.names, name];
    }
    if (view.connectedForMs !== null) {
      this.durationMs = view.connectedForMs;
      this.startedAt ??= new Date(now.getTime() - view.connectedForMs);
    }
    if (view.phase === "ended") this.endedAt ??= now;
  }

  #forget(): void {
    if (this.startedAt === null && this.names.length === 0) return;
    this.names = [];
    this.startedAt = null;
    this.endedAt = null;
    this.durationMs = 0;
  }
}
