// When frames reach the screen, and the time code that a frame carries.

const MAX_FRAMES = 36_000;

/** Notes each presented frame of `video` in `frames`; the oldest go when it is full. */
export function watch(video, frames, onFirst = () => {}) {
  let first = true;
  const next = (now, { mediaTime, captureTime, presentationTime, expectedDisplayTime }) => {
    if (first) onFirst();
    first = false;
    if (frames.length === MAX_FRAMES) frames.shift();
    frames.push([mediaTime, captureTime ?? null, presentationTime, expectedDisplayTime]);
    video.requestVideoFrameCallback(next);
  };
  video.requestVideoFrameCallback(next);
}
