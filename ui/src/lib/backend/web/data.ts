/**
 * The data channels of a connection: `files` and `text` (T.140, RFC 8865). Both sides make the same ones, so nothing is
 * announced, and what comes before an end is ready may be lost. Each side therefore greets when it is ready, and once more when
 * it hears the other for the first time; before that nothing else is sent.
 */
export type DataKind = "files" | "text";
export type DataEvent =
  { type: "open" } | { type: "closed" } | { type: "text"; text: string } | { type: "binary"; bytes: ArrayBuffer };

/** As `DataChannel` in Rust. */
const CHANNELS: Record<DataKind, { id: number; protocol: string }> = {
  files: { id: 1, protocol: "fika-files-1" },
  text: { id: 2, protocol: "t140" },
};

/** The byte order mark, with which sessions of T.140 begin. */
const GREETING = "\ufeff";

export class DataChannels {
  readonly #channels = new Map<DataKind, RTCDataChannel>();
  /** Whose other end was heard. */
  readonly #heard = new Set<DataKind>();

  constructor(connection: RTCPeerConnection, on: (kind: DataKind, event: DataEvent) => void) {
    for (const [kind, { id, protocol }] of Object.entries(CHANNELS) as [DataKind, (typeof CHANNELS)["files"]][]) {
      const channel = connection.createDataChannel(kind, { negotiated: true, id, ordered: true, protocol });
      channel.binaryType = "arraybuffer";
      channel.onopen = () => channel.send(GREETING);
      channel.onclose = () => on(kind, { type: "closed" });
      channel.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
        if (!this.#heard.has(kind)) {
          this.#heard.add(kind);
          channel.send(GREETING);
          on(kind, { type: "open" });
        }
        if (data !== GREETING)
          on(kind, typeof data === "string" ? { type: "text", text: data } : { type: "binary", bytes: data });
      };
      this.#channels.set(kind, channel);
    }
  }

  send(kind: DataKind, data: string | Uint8Array<ArrayBuffer>): void {
    const channel = this.#channels.get(kind);
    if (channel?.readyState !== "open" || !this.#heard.has(kind)) return;
    if (typeof data === "string") channel.send(data);
    else channel.send(data);
  }

  close(kind: DataKind): void {
    const channel = this.#channels.get(kind);
    if (!channel) return;
    // What is under way is of no interest any more.
    channel.onmessage = null;
    channel.close();
  }

  /** The connection is dropped: nothing of it is told. */
  drop(): void {
    for (const channel of this.#channels.values()) channel.onopen = channel.onclose = channel.onmessage = null;
  }
}
