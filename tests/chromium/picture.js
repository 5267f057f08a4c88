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

/** Under way to who records: a second of 720p. */
const MAX_WAITING = 48 << 20;

/** Gives each picture of `track`, as it was decoded, to a WebSocket on `port` of this machine: width and height in four bytes
 *  each, then I420. Returns when it has begun. While too much waits, pictures are left out and `onLost` is called. */
export async function record(track, port, onLost) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));
  const reader = new MediaStreamTrackProcessor({ track, maxBufferSize: 10 }).readable.getReader();
  const next = async () => {
    const { value: frame, done } = await reader.read();
    if (done) return;
    if (socket.bufferedAmount < MAX_WAITING) socket.send(await planes(frame));
    else onLost();
    frame.close();
    next();
  };
  next();
}

async function planes(frame) {
  const { width, height } = frame.visibleRect;
  const half = [Math.ceil(width / 2), Math.ceil(height / 2)];
  const luma = 8 + width * height;
  const bytes = new Uint8Array(luma + 2 * half[0] * half[1]);
  new Uint32Array(bytes.buffer, 0, 2).set([width, height]);
  if (frame.format !== 'I420') throw new Error(`a picture in ${frame.format}`);
  const layout = [
    { offset: 8, stride: width },
    { offset: luma, stride: half[0] },
    { offset: luma + half[0] * half[1], stride: half[0] },
  ];
  await frame.copyTo(bytes, { rect: frame.visibleRect, layout });
  return bytes;
}
