/** Another participant: what the server says of them, their connection, and what arrives. */
import type { ParticipantInfo } from "../../protocol/signal";
import type { ConnectionState, ParticipantView } from "..";
import type { Peer, PeerState } from "./peer";
import { type PeerIdentity } from "./identity";
import { NO_FIGURES, type Figures } from "./quality";
import { cleanName } from "./text";
import type { Trusted } from "./trust";

/** As loud as a voice, of 1; and how long after the last such moment somebody still speaks. */
const VOICE = 0.02;
const PAUSE_MS = 500;

export class Person {
  state: PeerState = "connecting";
  /** `null`: no connection has been tried yet. */
  identity: PeerIdentity | null = null;
  /** They were connected before, so what is broken is coming back. */
  connectedOnce = false;
  video: MediaStreamTrack | null = null;
  figures: Figures = NO_FIGURES;
  level = 0;
  #spokeAt = -Infinity;
  /** Their sound plays here, for the browser's own echo canceller to know it. */
  readonly sound = new Audio();

  info: ParticipantInfo;

  constructor(
    info: ParticipantInfo,
    readonly peer: Peer,
  ) {
    this.info = shown(info);
    this.sound.autoplay = true;
  }

  /** The server's news of them. */
  told(info: ParticipantInfo): void {
    const back = this.info.away && !info.away;
    this.info = shown(info);
    if (back) this.peer.back();
  }

  track(track: MediaStreamTrack, changed: () => void): void {
    track.onmute = track.onunmute = track.onended = changed;
    if (track.kind === "video") this.video = track;
    else {
      this.sound.srcObject = new MediaStream([track]);
      void this.sound.play().catch(() => undefined);
    }
    changed();
  }

  /** Not every browser lets a page choose. */
  playOn(sink: string | null): void {
    const { sound } = this;
    const wanted = sink ?? "";
    if ("setSinkId" in sound && sound.sinkId !== wanted) void sound.setSinkId(wanted).catch(() => undefined);
  }

  /** Ten times a second. */
  listen(now: number): void {
    const [source] = this.peer.receiver("audio")?.getSynchronizationSources() ?? [];
    const level = this.info.media.microphone ? (source?.audioLevel ?? 0) : 0;
    this.level = Math.round(Math.min(100, Math.max(0, (20 * Math.log10(level + 1e-5) + 60) / 0.6)));
    if (level >= VOICE) this.#spokeAt = now;
  }

  speaks(now: number): boolean {
    return now - this.#spokeAt < PAUSE_MS;
  }

  /** Pictures that may be shown: they come, and their sender wants them seen. */
  get picture(): MediaStreamTrack | null {
    const { video } = this;
    return video && this.state !== "cut" && !video.muted && video.readyState === "live" && this.info.media.camera
      ? video
      : null;
  }

  get connection(): ConnectionState {
    if (this.info.away && this.state !== "connected") return "reconnecting";
    switch (this.state) {
      case "connected":
        return "connected";
      case "disconnected":
        return "unstable";
      case "untrusted":
      case "cut":
        return "lost";
      case "connecting":
      case "failed":
        return this.connectedOnce ? "reconnecting" : "connecting";
    }
  }

  view(now: number, trusted: Trusted): ParticipantView {
    const { id, name, media } = this.info;
    const { state, identity } = this;
    return {
      id,
      name,
      microphoneOn: media.microphone,
      cameraOn: media.camera,
      hasVideo: this.picture !== null,
      speaking: this.speaks(now),
      connection: this.connection,
      trust: trusted.of({ name, state, identity }),
      lasting: identity?.lasting ?? false,
      words: identity?.words ?? null,
      savedAs: trusted.savedAs({ name, state, identity }),
    };
  }

  close(): void {
    this.peer.close();
    this.sound.srcObject = null;
  }
}

const shown = (info: ParticipantInfo): ParticipantInfo => ({ ...info, name: cleanName(info.name) });
