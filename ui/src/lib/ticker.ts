/**
 * One slow clock for all that moves by itself. Steps and not a free-running animation, because over video and without a
 * graphics card each painted frame of the page costs more than the picture. Runs only while something listens.
 */

/** Between two steps. */
export const STEP_MS = 250;

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** Calls `step` until the returned function is called. */
export function onStep(step: () => void): () => void {
  listeners.add(step);
  timer ??= setInterval(() => {
    for (const each of listeners) each();
  }, STEP_MS);
  return () => {
    listeners.delete(step);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}
