// When frames reach the screen, and the time code that a frame carries.

const MAX_FRAMES = 36_000;

/** Notes each presented frame of `video` in `frames`; the oldest go when it is full. */
export function watch(video, frames, onFirst = () => {}) {
  let first = true;
  const next = (now, { mediaTime, captureTime, presentationTime, expectedDisplayTime, height }) => {
    if (first) onFirst();
    first = false;
    if (frames.length === MAX_FRAMES) frames.shift();
    frames.push([mediaTime, captureTime ?? null, presentationTime, expectedDisplayTime, height]);
    video.requestVideoFrameCallback(next);
  };
  video.requestVideoFrameCallback(next);
}

/** Notes [number, capture ms] of each marked picture of `video` (fika_media::marker: 40 blocks a row, 8 bits to find it,
 *  then 32 of number in the first row). */
export function readMarks(video, marks) {
  const canvas = new OffscreenCanvas(40, 1);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const next = (now, { captureTime, presentationTime }) => {
    const block = video.videoWidth / 40;
    context.drawImage(video, 0, block / 4, video.videoWidth, block / 2, 0, 0, 40, 1);
    const { data } = context.getImageData(0, 0, 40, 1);
    let number = 0;
    for (let at = 8; at < 40; at += 1) number = number * 2 + (data[at * 4 + 1] > 127 ? 1 : 0);
    if (marks.length < MAX_FRAMES) marks.push([number, captureTime ?? presentationTime]);
    video.requestVideoFrameCallback(next);
  };
  video.requestVideoFrameCallback(next);
}
