/**
 * The browser's camera, microphone and speakers. A camera that is off is let go, so that its light goes out; a microphone
 * that is muted stays open and sends nothing. Levels come ten times a second while one is open.
 */
import type { CaptureView, DeviceInfo, DeviceKind, DeviceProblem } from "../bindings";

const LEVEL_MS = 100;
const OFF: CaptureView = { wanted: false, state: "off", deviceName: null, deviceId: null, problem: null };
const VIDEO = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };

export type Capturing = "camera" | "microphone";

export class Devices {
  readonly views: Record<DeviceKind, CaptureView> = {
    camera: OFF,
    microphone: OFF,
    speaker: { ...OFF, wanted: true, state: "on" },
  };
  readonly chosen: Record<DeviceKind, string | null>;
  list: DeviceInfo[] = [];
  level = 0;
  #tracks: Record<Capturing, MediaStreamTrack | null> = { camera: null, microphone: null };
  /** Counts what was asked for, so that an answer that comes too late is let go. */
  #asked: Record<Capturing, number> = { camera: 0, microphone: 0 };
  #listening: {
    context: AudioContext;
    source: MediaStreamAudioSourceNode;
    timer: ReturnType<typeof setInterval>;
  } | null = null;

  /** `changed`: a view, a track or the list. `heard`: a new level. */
  constructor(
    chosen: Record<DeviceKind, string | null>,
    private readonly changed: () => void,
    private readonly heard: () => void,
  ) {
    this.chosen = { ...chosen };
    navigator.mediaDevices.addEventListener("devicechange", () => void this.#enumerate());
  }

  /** What is sent: nothing while it is off. */
  track(kind: Capturing): MediaStreamTrack | null {
    return this.views[kind].wanted ? this.#tracks[kind] : null;
  }

  /** Both with one question to the user. Without an answer to that each has a question of its own. */
  async openBoth(): Promise<void> {
    const asked = { camera: ++this.#asked.camera, microphone: ++this.#asked.microphone };
    for (const kind of ["camera", "microphone"] as const)
      this.#set(kind, { wanted: true, state: "starting", problem: null });
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: this.#audio(), video: this.#video() });
      for (const kind of ["camera", "microphone"] as const) {
        const [track] = kind === "camera" ? stream.getVideoTracks() : stream.getAudioTracks();
        if (track) this.#take(kind, track, asked[kind]);
      }
      await this.#enumerate();
    } catch {
      await this.open("microphone");
      await this.open("camera");
    }
  }

  async open(kind: Capturing): Promise<void> {
    const asked = ++this.#asked[kind];
    const kept = this.#tracks[kind];
    if (kind === "microphone" && kept?.readyState === "live") {
      kept.enabled = true;
      this.#set(kind, { wanted: true, state: "on", problem: null });
      return;
    }
    this.#set(kind, { wanted: true, state: "starting", problem: null });
    try {
      const wish = kind === "camera" ? { video: this.#video() } : { audio: this.#audio() };
      const [track] = (await navigator.mediaDevices.getUserMedia(wish)).getTracks();
      if (track) this.#take(kind, track, asked);
      await this.#enumerate();
    } catch (error) {
      if (asked === this.#asked[kind]) this.#set(kind, { state: "failed", problem: problemOf(error) });
    }
  }

  shut(kind: Capturing): void {
    this.#asked[kind] += 1;
    const track = this.#tracks[kind];
    if (kind === "microphone" && track) track.enabled = false;
    else this.#letGo(kind);
    this.#set(kind, { wanted: false, state: "off", problem: null });
  }

  async select(kind: DeviceKind, id: string | null): Promise<void> {
    this.chosen[kind] = id;
    if (kind === "speaker") return this.changed();
    const { wanted } = this.views[kind];
    this.#letGo(kind);
    if (wanted) await this.open(kind);
    else this.changed();
  }

  /** Everything is let go: after a call. */
  close(): void {
    for (const kind of ["camera", "microphone"] as const) {
      this.#asked[kind] += 1;
      this.#letGo(kind);
      this.#set(kind, { wanted: false, state: "off", problem: null });
    }
  }

  #take(kind: Capturing, track: MediaStreamTrack, asked: number): void {
    if (asked !== this.#asked[kind]) return track.stop();
    this.#letGo(kind);
    this.#tracks[kind] = track;
    track.onended = () => {
      if (this.#tracks[kind] !== track) return;
      this.#letGo(kind);
      this.#set(kind, { state: "failed", problem: "disconnected" });
    };
    const { deviceId = null } = track.getSettings();
    this.#set(kind, { wanted: true, state: "on", deviceName: track.label, deviceId, problem: null });
    if (kind === "microphone") this.#listen(track);
  }

  #letGo(kind: Capturing): void {
    const track = this.#tracks[kind];
    this.#tracks[kind] = null;
    if (track) track.onended = null;
    track?.stop();
    if (kind === "microphone") this.#deaf();
  }

  #set(kind: Capturing, change: Partial<CaptureView>): void {
    this.views[kind] = { ...this.views[kind], ...change };
    this.changed();
  }

  #listen(track: MediaStreamTrack): void {
    this.#deaf();
    const context = new AudioContext();
    const source = context.createMediaStreamSource(new MediaStream([track]));
    const analyser = new AnalyserNode(context, { fftSize: 2048 });
    source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      this.level = track.enabled ? levelOf(samples) : 0;
      this.heard();
    }, LEVEL_MS);
    this.#listening = { context, source, timer };
    // Without a press on the page a browser keeps it silent; the press that joins wakes it.
    if (context.state === "suspended") addEventListener("pointerdown", () => void context.resume(), { once: true });
  }

  #deaf(): void {
    if (!this.#listening) return;
    const { context, source, timer } = this.#listening;
    this.#listening = null;
    clearInterval(timer);
    source.disconnect();
    void context.close();
    this.level = 0;
    this.heard();
  }

  async #enumerate(): Promise<void> {
    const all = await navigator.mediaDevices.enumerateDevices();
    this.list = deviceList(all);
    this.changed();
  }

  #audio(): MediaTrackConstraints {
    const { microphone } = this.chosen;
    return {
      ...(microphone === null ? {} : { deviceId: { exact: microphone } }),
      echoCancellation: true,
      noiseSuppression: true,
      autoGainControl: true,
    };
  }

  #video(): MediaTrackConstraints {
    const { camera } = this.chosen;
    return camera === null ? { ...VIDEO, facingMode: "user" } : { ...VIDEO, deviceId: { exact: camera } };
  }
}

const KINDS: Record<string, DeviceKind> = { videoinput: "camera", audioinput: "microphone", audiooutput: "speaker" };

/** A browser lists its default once more under a name of its own; without permission it tells no names. */
export function deviceList(
  all: readonly Pick<MediaDeviceInfo, "kind" | "deviceId" | "label" | "groupId">[],
): DeviceInfo[] {
  const real = all.filter(
    ({ deviceId, label }) => label && deviceId && !["default", "communications"].includes(deviceId),
  );
  return real.map(({ kind, deviceId, label, groupId }) => {
    const marked = all.find((each) => each.kind === kind && each.deviceId === "default");
    const first = real.find((each) => each.kind === kind);
    const isDefault = marked ? marked.groupId === groupId : first?.deviceId === deviceId;
    return { kind: KINDS[kind] ?? "camera", id: deviceId, name: label, isDefault };
  });
}

export function problemOf(error: unknown): DeviceProblem {
  switch (error instanceof DOMException ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return "permissionDenied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "notFound";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    default:
      return "failed";
  }
}

/** 0 to 100 for what lies between a whisper and a shout. */
export function levelOf(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibel = 10 * Math.log10(sum / samples.length + 1e-10);
  return Math.round(Math.min(100, Math.max(0, ((decibel + 60) / 60) * 100)));
}
