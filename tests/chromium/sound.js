// What can be heard of a stream: its strongest frequency.

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
