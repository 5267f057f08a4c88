// What can be heard of a stream: its strongest frequency, and how strong the test tone is.

const FFT = 16384;

export async function listen(stream) {
  const context = new AudioContext({ sampleRate: 48_000 });
  const analyser = new AnalyserNode(context, { fftSize: FFT, smoothingTimeConstant: 0 });
  context.createMediaStreamSource(stream).connect(analyser);
  await context.resume();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  const strongest = bins.indexOf(Math.max(...bins));
  await context.close();
  return { hertz: strongest * 48_000 / FFT, level: bins[strongest] };
}

const TONE = 997;
const RATE = 48_000;
const BLOCK = 480;
const wave = (turn) => Float32Array.from({ length: BLOCK }, (_, at) => Math.cos((TONE / RATE * at + turn) * 2 * Math.PI));
const waves = [wave(0), wave(0.25)];
/** 10 minutes. */
const MAX_BLOCKS = 60_000;

/** Notes in `heard` how strong the tone is in each 10 ms that `track` plays: [ms, strength]. Blocks that the page was too
 *  busy to read are missing. */
export async function hear(track, heard) {
  const reader = new MediaStreamTrackProcessor({ track, maxBufferSize: 100 }).readable.getReader();
  let offset;
  for (;;) {
    const { value: data, done } = await reader.read();
    if (done) return;
    offset ??= performance.now() - data.timestamp / 1000;
    const samples = new Float32Array(data.numberOfFrames);
    data.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
    const [a, b] = waves.map((wave) => samples.reduce((sum, sample, at) => sum + sample * (wave[at] ?? 0), 0));
    if (heard.length < MAX_BLOCKS) heard.push([data.timestamp / 1000 + offset, Math.hypot(a, b) * 2 / BLOCK]);
    data.close();
  }
}
