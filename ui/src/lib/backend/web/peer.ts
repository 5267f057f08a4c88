/**
 * The connection to one participant. The smaller id offers; a connection that breaks is replaced by a new one. Two permanent
 * sections, sound and picture: muting takes the track away and is never negotiated.
 */
import type { Binding, IceServer, PeerBody, VideoWant } from "../../protocol/signal";
import type { Opened, PeerChannel } from "./channel";
import { DataChannels, type DataEvent, type DataKind } from "./data";
import type { PeerIdentity, Vouching } from "./identity";
import { isCandidateAllowed, isDescription, MAX_CANDIDATES, withoutCandidates } from "./sdp";
import { encodingFor } from "./want";

const CONNECT_MS = 15_000;
/** How long a connection may recover by itself. */
const GRACE_MS = 3000;
const RETRY_MS = 2000;
/** How long the offer may take that was asked for: the question or the offer may be lost on a line that breaks. */
const ASK_AGAIN_MS = 2000;
/** A link with a typo stays one; but who relays may have sent rubbish once. */
const UNTRUSTED_RETRY_MS = 30_000;
/** A wish to begin again is ignored when we have just begun. */
const FRESH_MS = 1000;
const MAX_BITRATE = { video: 2_500_000, audio: 64_000 };

export type PeerState = "connecting" | "connected" | "disconnected" | "failed" | "untrusted" | "cut";
export type Tracks = { audio: MediaStreamTrack | null; video: MediaStreamTrack | null };
export type PeerOptions = {
  offers: boolean;
  channel: PeerChannel;
  vouching: Vouching;
  iceServers: () => IceServer[];
  /** What we show and say now. */
  tracks: () => Tracks;
  /** The server is on this computer, so a peer may be too. */
  loopback: boolean;
  onState: (state: PeerState) => void;
  /** Whose certificate the connection is made with; before it is, and again with the words. */
  onIdentity: (identity: PeerIdentity) => void;
  /** A track of theirs; it stays the same while its packets come and go. */
  onTrack: (track: MediaStreamTrack) => void;
  onData: (kind: DataKind, event: DataEvent) => void;
};

export class Peer {
  #connection: RTCPeerConnection | null = null;
  #data: DataChannels | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #began = -Infinity;
  #waiting: RTCIceCandidateInit[] = [];
  #candidates = 0;
  #untrusted = false;
  #cut = false;
  /** What must not be told before the description; `null`: it is told. */
  #early: PeerBody[] | null = [];
  /** What they want of our picture; `null`: everything. */
  #theirWant: VideoWant | null = null;
  #ourWant: VideoWant | null = null;

  constructor(private readonly options: PeerOptions) {}

  begin(): void {
    if (this.options.offers) void this.#offer();
    else {
      this.options.onState("connecting");
      this.#after(CONNECT_MS, () => this.#beginAgain());
    }
  }

  receive(payload: string): void {
    if (this.#cut) return;
    this.options.channel.receive(payload, (opened) => this.#on(opened));
  }

  /** Our microphone or camera was switched, or nothing of it. */
  async tracksChanged(): Promise<void> {
    const { audio, video } = this.options.tracks();
    let changed = false;
    for (const { sender, receiver } of this.#connection?.getTransceivers() ?? []) {
      const track = receiver.track.kind === "audio" ? audio : video;
      if (sender.track === track) continue;
      changed = true;
      await sender.replaceTrack(track);
    }
    if (changed) await this.#limit();
  }

  /** How much of their picture is shown here. `again`: also if it is what they know, because it holds for a while only. */
  want(want: VideoWant, again: boolean): void {
    const same = this.#ourWant?.lines === want.lines && this.#ourWant.frameRate === want.frameRate;
    if (same && !again) return;
    this.#ourWant = want;
    this.options.channel.tell({ type: "wantVideo", source: "camera", want });
  }

  /** Lost while there is no such channel. */
  send(kind: DataKind, data: string | Uint8Array<ArrayBuffer>): void {
    this.#data?.send(kind, data);
  }

  /** Who is there breaks the rules: nothing more over this channel until there is a new connection. */
  closeData(kind: DataKind): void {
    this.#data?.close(kind);
  }

  stats(): Promise<RTCStatsReport> | null {
    return this.#connection?.getStats() ?? null;
  }

  receiver(kind: "audio" | "video"): RTCRtpReceiver | undefined {
    return this.#connection?.getReceivers().find(({ track }) => track.kind === kind);
  }

  /** One of us was away from the server, and what was said meanwhile is lost: what does not stand begins again. */
  back(): void {
    if (!this.#cut && !this.#untrusted && this.#connection?.connectionState !== "connected") this.#beginAgain();
  }

  /** No media to or from them any more, whatever they say. */
  cut(): void {
    this.#cut = true;
    this.close();
    this.options.onState("cut");
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#drop();
  }

  async #on(opened: Opened): Promise<void> {
    if (this.#cut) return;
    switch (opened.type) {
      case "untrusted":
        // Who relays the messages may always send rubbish; it does not undo what was proven before.
        if (this.#connection?.connectionState !== "connected") this.#onUntrusted();
        break;
      case "offer":
        // Both cannot offer: ids decide.
        if (!this.options.offers) await this.#onOffer(opened.sdp, opened.binding);
        break;
      case "answer":
        await this.#onAnswer(opened.sdp, opened.binding);
        break;
      case "reveal": {
        const { nonce } = opened;
        if (!this.options.offers) await this.#vouch(() => this.options.vouching.revealed(nonce));
        break;
      }
      case "candidate":
        await this.#onCandidate(opened);
        break;
      case "wantVideo":
        this.#theirWant = opened.want;
        await this.#limit();
        break;
      case "restart":
        if (this.options.offers && performance.now() - this.#began > FRESH_MS) await this.#offer();
        break;
    }
  }

  #onUntrusted(): void {
    if (this.#untrusted || this.#cut) return;
    this.#untrusted = true;
    this.options.onState("untrusted");
    this.#after(UNTRUSTED_RETRY_MS, () => this.#beginAgain());
    if (!this.options.offers) this.options.channel.tell({ type: "restart" });
  }

  /** False if what they say cannot be vouched for; then nothing of it is acted upon. */
  async #vouch(check: () => Promise<PeerIdentity>): Promise<boolean> {
    try {
      const identity = await check();
      if (!this.#cut) this.options.onIdentity(identity);
      // Who is told of it may cut them off.
      return !this.#cut;
    } catch {
      this.#drop();
      this.#onUntrusted();
      return false;
    }
  }

  async #onOffer(sdp: string, binding: Binding | undefined): Promise<void> {
    const { vouching, channel } = this.options;
    const check = () => vouching.offered(channel.session, sdp, binding);
    if (this.#connection?.connectionState === "connected") {
      // What stands was proven; what comes in its place may not be.
      const identity = await check().catch(() => null);
      if (identity) {
        this.options.onIdentity(identity);
        if (!this.#cut) await this.#answer(sdp);
      }
    } else if (await this.#vouch(check)) await this.#answer(sdp);
  }

  async #offer(): Promise<void> {
    this.options.channel.begin();
    const connection = this.#start();
    await this.#attempt(connection, async () => {
      const { audio, video } = this.options.tracks();
      for (const [kind, track] of [
        ["audio", audio],
        ["video", video],
      ] as const) {
        connection.addTransceiver(track ?? kind, { direction: "sendrecv" });
      }
      this.#preferCodecs(connection);
      await connection.setLocalDescription();
      await this.#tellDescription(connection, "offer");
    });
  }

  async #answer(sdp: string): Promise<void> {
    const connection = this.#start();
    if (!isDescription(sdp)) return this.#fail();
    await this.#attempt(connection, async () => {
      await connection.setRemoteDescription({ type: "offer", sdp });
      const { audio, video } = this.options.tracks();
      for (const transceiver of connection.getTransceivers()) {
        transceiver.direction = "sendrecv";
        await transceiver.sender.replaceTrack(transceiver.receiver.track.kind === "audio" ? audio : video);
      }
      this.#preferCodecs(connection);
      await connection.setLocalDescription();
      await this.#tellDescription(connection, "answer");
      await this.#tryWaiting();
    });
  }

  async #onAnswer(sdp: string, binding: Binding | undefined): Promise<void> {
    const connection = this.#connection;
    if (!this.options.offers || connection?.signalingState !== "have-local-offer") return;
    const vouched = await this.#vouch(async () => {
      const { peer, nonce } = await this.options.vouching.answered(sdp, binding);
      if (nonce !== null) this.options.channel.tell({ type: "reveal", nonce });
      return peer;
    });
    if (!vouched || connection !== this.#connection) return;
    if (!isDescription(sdp)) return this.#fail();
    await this.#attempt(connection, async () => {
      await connection.setRemoteDescription({ type: "answer", sdp });
      await this.#tryWaiting();
    });
  }

  async #onCandidate(body: Extract<PeerBody, { type: "candidate" }>): Promise<void> {
    const { candidate, sdpMid, sdpMLineIndex } = body;
    if (!candidate || this.#candidates >= MAX_CANDIDATES) return;
    if (!isCandidateAllowed(candidate, this.options.loopback)) return;
    this.#candidates += 1;
    this.#waiting.push({ candidate, sdpMid, sdpMLineIndex });
    await this.#tryWaiting();
  }

  async #tryWaiting(): Promise<void> {
    const connection = this.#connection;
    if (!connection?.remoteDescription) return;
    for (const candidate of this.#waiting.splice(0)) {
      // One that the browser does not understand is one less to try.
      await connection.addIceCandidate(candidate).catch(() => undefined);
    }
  }

  #start(): RTCPeerConnection {
    this.#drop();
    this.#untrusted = false;
    this.#began = performance.now();
    this.#after(CONNECT_MS, () => this.#beginAgain());
    this.options.onState("connecting");
    const connection = new RTCPeerConnection({ iceServers: this.options.iceServers(), bundlePolicy: "max-bundle" });
    this.#connection = connection;
    this.#data = new DataChannels(connection, (kind, event) => this.options.onData(kind, event));
    connection.onicecandidate = ({ candidate }) => {
      if (!candidate?.candidate || connection !== this.#connection) return;
      const { sdpMid, sdpMLineIndex } = candidate;
      const body = { type: "candidate" as const, candidate: candidate.candidate, sdpMid, sdpMLineIndex };
      if (this.#early) this.#early.push(body);
      else this.options.channel.tell(body);
    };
    connection.ontrack = ({ track }) => connection === this.#connection && this.options.onTrack(track);
    connection.onconnectionstatechange = () => connection === this.#connection && this.#onConnection(connection);
    return connection;
  }

  #onConnection({ connectionState }: RTCPeerConnection): void {
    switch (connectionState) {
      case "connected":
        clearTimeout(this.#timer);
        this.options.onState("connected");
        void this.#limit();
        if (this.#ourWant) this.options.channel.tell({ type: "wantVideo", source: "camera", want: this.#ourWant });
        break;
      case "disconnected":
        this.options.onState("disconnected");
        this.#after(GRACE_MS, () => this.#beginAgain());
        break;
      case "failed":
        this.#fail();
        break;
      case "new":
      case "connecting":
      case "closed":
        break;
    }
  }

  async #tellDescription(connection: RTCPeerConnection, type: "offer" | "answer"): Promise<void> {
    const described = connection.localDescription?.sdp;
    if (!described) return;
    const sdp = withoutCandidates(described);
    const { vouching, channel } = this.options;
    const binding = await (type === "offer" ? vouching.offer(channel.session, sdp) : vouching.answer(sdp));
    if (connection !== this.#connection) return;
    channel.tell(binding ? { type, sdp, binding } : { type, sdp });
    for (const body of this.#early ?? []) channel.tell(body);
    this.#early = null;
  }

  async #attempt(connection: RTCPeerConnection, steps: () => Promise<void>): Promise<void> {
    try {
      await steps();
    } catch {
      // A newer attempt closed this one; else the description is of no use.
      if (connection === this.#connection) this.#fail();
    }
  }

  #beginAgain(): void {
    if (this.options.offers) return void this.#offer();
    this.#after(ASK_AGAIN_MS, () => this.#beginAgain());
    this.options.channel.tell({ type: "restart" });
  }

  #fail(): void {
    this.options.onState("failed");
    this.#after(RETRY_MS, () => this.#beginAgain());
  }

  #after(milliseconds: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, milliseconds);
  }

  #drop(): void {
    const connection = this.#connection;
    this.#connection = null;
    this.#data?.drop();
    this.#data = null;
    this.#waiting = [];
    this.#early = [];
    this.#candidates = 0;
    this.#theirWant = null;
    connection?.close();
  }

  /** H.264 and Opus are what all clients speak. */
  #preferCodecs(connection: RTCPeerConnection): void {
    for (const transceiver of connection.getTransceivers()) {
      const { kind } = transceiver.receiver.track;
      const wanted = kind === "video" ? ["video/h264", "video/rtx"] : ["audio/opus"];
      const codecs = RTCRtpReceiver.getCapabilities(kind)?.codecs.filter((codec) =>
        wanted.includes(codec.mimeType.toLowerCase()),
      );
      // A browser without H.264 answers with no picture, and the sound goes on.
      if (codecs?.some((codec) => codec.mimeType.toLowerCase() === wanted[0])) transceiver.setCodecPreferences(codecs);
    }
  }

  async #limit(): Promise<void> {
    for (const sender of this.#connection?.getSenders() ?? []) {
      const kind = sender.track?.kind;
      if (kind !== "video" && kind !== "audio") continue;
      const parameters = sender.getParameters();
      const [encoding] = parameters.encodings;
      if (!encoding) continue;
      encoding.maxBitrate = MAX_BITRATE[kind];
      if (kind === "video") {
        const { width = 1280, height = 720 } = sender.track?.getSettings() ?? {};
        Object.assign(encoding, encodingFor(this.#theirWant, Math.min(width, height)));
      }
      // Between two descriptions the browser refuses, and the next call sets it.
      await sender.setParameters(parameters).catch(() => undefined);
    }
  }
}
