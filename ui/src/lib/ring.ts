/** A spoon on a cup: two seconds, then three of rest, for as long as it rings. */

/** Peaks of -14 dBFS, and a third of that for whoever calls. */
export const LOUD = 0.2;
export const SOFT = 0.07;

/** Seconds. */
const PERIOD = 5;
/** When the spoon meets the cup, two by two. */
const TAPS = [0, 0.19, 0.5, 0.69, 1, 1.19, 1.5, 1.69];
/** Taps are told to the speaker so long ahead, because timers of a window that nobody sees come late. */
const AHEAD = 4;
const EVERY_MS = 2000;
/** What a cup sounds of: hertz, its part of the loudness, seconds until it has died away. */
const TONES = [
  [1760, 0.55, 0.3],
  [2793, 0.3, 0.2],
  [4699, 0.15, 0.1],
] as const;

/** When the spoon meets the cup, in seconds since it began to ring: not before `from`, and before `to`. */
export function taps(from: number, to: number): number[] {
  const all: number[] = [];
  for (let begin = Math.floor(from / PERIOD) * PERIOD; begin < to; begin += PERIOD) {
    all.push(...TAPS.map((at) => begin + at).filter((at) => at >= from && at < to));
  }
  return all;
}

/** On a clock in seconds, which stands still while the page may make no sound. */
export type Speaker = { now(): number; tap(at: number): void; close(): void };

/** Rings until what it answers with is called. */
export function ring(loudness: number, open: (loudness: number) => Speaker = openSpeaker): () => void {
  const speaker = open(loudness);
  const begin = speaker.now() + 0.05;
  let told = 0;
  function next(): void {
    const until = speaker.now() - begin + AHEAD;
    for (const at of taps(told, until)) speaker.tap(begin + at);
    told = Math.max(told, until);
  }
  next();
  const timer = setInterval(next, EVERY_MS);
  return () => {
    clearInterval(timer);
    speaker.close();
  };
}

function openSpeaker(loudness: number): Speaker {
  const context = new AudioContext();
  // A page that may make no sound tells it in words.
  const quiet = () => undefined;
  void context.resume().catch(quiet);
  return {
    now: () => context.currentTime,
    tap: (at) => TONES.forEach(([frequency, part, length]) => tone(context, at, frequency, loudness * part, length)),
    close: () => void context.close().catch(quiet),
  };
}

function tone(context: AudioContext, at: number, frequency: number, loudness: number, length: number): void {
  const cup = new OscillatorNode(context, { frequency });
  const gain = new GainNode(context, { gain: 0 });
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(loudness, at + 0.003);
  gain.gain.exponentialRampToValueAtTime(0.0005, at + length);
  cup.connect(gain).connect(context.destination);
  cup.start(at);
  cup.stop(at + length);
}
