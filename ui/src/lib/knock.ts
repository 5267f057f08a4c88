/** Two knocks on wood, for a host when somebody waits; once a minute at most, however many come. */

const QUIET_MS = 60_000;
/** Seconds from one knock to the next, and until one has died away. */
const APART = 0.19;
const LENGTH = 0.14;
const LOUDNESS = 0.35;

export class Knock {
  #last = -Infinity;

  constructor(
    private readonly now = () => performance.now(),
    private readonly play = playKnocks,
  ) {}

  sound(): void {
    if (this.now() - this.#last < QUIET_MS) return;
    this.#last = this.now();
    // A page that may make no sound has told it in words.
    void this.play().catch(() => undefined);
  }
}

async function playKnocks(): Promise<void> {
  const context = new AudioContext();
  await context.resume();
  for (const at of [0, APART]) {
    const begin = context.currentTime + 0.02 + at;
    const wood = new OscillatorNode(context, { type: "triangle", frequency: 220 });
    const gain = new GainNode(context, { gain: 0 });
    wood.frequency.setValueAtTime(220, begin);
    wood.frequency.exponentialRampToValueAtTime(110, begin + LENGTH);
    gain.gain.setValueAtTime(0, begin);
    gain.gain.linearRampToValueAtTime(LOUDNESS, begin + 0.004);
    gain.gain.exponentialRampToValueAtTime(0.001, begin + LENGTH);
    wood.connect(gain).connect(context.destination);
    wood.start(begin);
    wood.stop(begin + LENGTH);
    wood.onended = () => at > 0 && void context.close();
  }
}
