/**
 * How much of files may be under way to one participant: less than best effort, as `call::files::pace` in Rust. Sound and
 * picture come first: the window grows only while hardly anything waits on the path, and halves when something does.
 */
import { MAX_WINDOW, MAX_PIECE, MIN_PIECE } from "../../protocol/signal";

const MIN_WINDOW = 2048;
const FIRST_WINDOW = 4096;
/** Milliseconds that may wait on the path. */
const TARGET = 20;
/** Waiting beyond this halves the window. */
const TOO_MUCH = 60;
/** The shortest way of the last minutes is the way without a queue. */
const BASE_SLOT = 30_000;
const BASE_SLOTS = 6;

export class Pace {
  #window = FIRST_WINDOW;
  /** Nothing has waited yet: grows by what arrives. */
  #opening = true;
  #base: { since: number; least: number }[] = [];
  #halvedAt = -Infinity;
  /** Bytes a second; `null`: the window alone decides. */
  #budget: number | null = null;
  #nextAt = -Infinity;

  setBudget(budget: number | null): void {
    this.#budget = budget;
    if (budget === null) this.#nextAt = -Infinity;
    else {
      this.#window = MIN_WINDOW;
      this.#opening = false;
    }
  }

  /** How large a piece may leave now; `null`: none. */
  piece(inFlight: number, now: number): number | null {
    if (now < this.#nextAt) return null;
    const size = Math.min(MAX_PIECE, Math.max(MIN_PIECE, Math.floor(this.#window / 4)));
    return inFlight + size <= this.#window ? size : null;
  }

  /** When the budget allows the next piece; `null`: it does not wait for that. */
  due(now: number): number | null {
    return this.#nextAt > now ? this.#nextAt : null;
  }

  sent(bytes: number, now: number): void {
    if (this.#budget !== null) this.#nextAt = now + (bytes * 1000) / Math.max(1, this.#budget);
  }

  /** `answer`: milliseconds from sending to the acknowledgement. */
  acked(bytes: number, answer: number, now: number): void {
    this.#remember(answer, now);
    const queue = answer - Math.min(...this.#base.map(({ least }) => least));
    if (this.#budget !== null) return;
    if (queue > TOO_MUCH) {
      this.#opening = false;
      // Once for what was under way.
      if (now - this.#halvedAt > answer) {
        this.#halvedAt = now;
        this.#window /= 2;
      }
    } else if (this.#opening && queue < TARGET / 2) this.#window += bytes;
    else {
      this.#opening = false;
      this.#window += (Math.max(-1, 1 - queue / TARGET) * MIN_PIECE * bytes) / Math.max(1, this.#window);
    }
    this.#window = Math.min(MAX_WINDOW, Math.max(MIN_WINDOW, this.#window));
  }

  #remember(answer: number, now: number): void {
    const last = this.#base.at(-1);
    if (last && now - last.since < BASE_SLOT) last.least = Math.min(last.least, answer);
    else this.#base = [...this.#base, { since: now, least: answer }].slice(-BASE_SLOTS);
  }
}
