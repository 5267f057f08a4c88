/** Two soft notes, the second one higher. */

const NOTES = [
  { hertz: 523.25, at: 0 },
  { hertz: 659.26, at: 0.22 },
];
const SECONDS = 0.5;

export async function testSound(): Promise<void> {
  const context = new AudioContext();
  await context.resume();
  for (const { hertz, at } of NOTES) {
    const begin = context.currentTime + at;
    const tone = new OscillatorNode(context, { type: "sine", frequency: hertz });
    const gain = new GainNode(context, { gain: 0 });
    gain.gain.setValueAtTime(0, begin);
    gain.gain.linearRampToValueAtTime(0.18, begin + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.001, begin + SECONDS);
    tone.connect(gain).connect(context.destination);
    tone.start(begin);
    tone.stop(begin + SECONDS);
    tone.onended = () => at > 0 && void context.close();
  }
}
