/**
 * What we and one participant say to each other: sealed, numbered within a session, and refused when repeated. Sealing and
 * opening take time, so both go one after the other. Without a server what is sent is lost; the peers begin again.
 */
import type { PeerBody } from "../../protocol/signal";
import { open, seal } from "./seal";

/** Sessions of the past that are not begun again; the oldest is forgotten. */
const MAX_PAST = 64;
const MAX_SESSION = 64;
/** Messages that wait to be opened. Full: the newest is dropped, as if the server had lost it. */
const MAX_WAITING = 256;

export type Opened = PeerBody | { type: "untrusted" };

export class PeerChannel {
  #session: string | null = null;
  #past: string[] = [];
  /** The last session before ours in which they spoke, and the number of their next message there. They may not know of ours. */
  #heard: { session: string; next: number } | null = null;
  #nextSent = 0;
  #nextReceived = 0;
  #outgoing = Promise.resolve();
  #incoming = Promise.resolve();
  #waiting = 0;

  constructor(
    private readonly key: CryptoKey,
    private readonly us: string,
    private readonly them: string,
    private readonly send: (payload: string) => void,
  ) {}

  /** Begins a session of ours; messages of the one before are stale from now on. */
  begin(session: string = crypto.randomUUID()): void {
    if (this.#session !== null) {
      if (this.#nextReceived > 0) this.#heard = { session: this.#session, next: this.#nextReceived };
      this.#remember(this.#session);
    }
    this.#session = session;
    this.#nextSent = this.#nextReceived = 0;
  }

  /** Empty before there is one. */
  get session(): string {
    return this.#session ?? "";
  }

  tell(body: PeerBody): void {
    if (this.#session === null) {
      if (body.type !== "restart") return;
      this.begin();
    }
    const message = { session: this.#session ?? "", seq: this.#nextSent++, body };
    this.#outgoing = this.#outgoing.then(async () => {
      const payload = await seal(this.key, this.us, this.them, message);
      if (payload !== null) this.send(payload);
    });
  }

  receive(payload: string, handle: (opened: Opened) => Promise<void> | void): void {
    if (this.#waiting >= MAX_WAITING) return;
    this.#waiting += 1;
    this.#incoming = this.#incoming.then(async () => {
      try {
        const opened = await this.#open(payload);
        if (opened) await handle(opened);
      } finally {
        this.#waiting -= 1;
      }
    });
  }

  async #open(payload: string): Promise<Opened | null> {
    const message = await open(this.key, this.them, this.us, payload);
    if (message === "untrusted") return { type: "untrusted" };
    if (message === "nonsense" || message.session.length > MAX_SESSION) return null;
    const { session, seq, body } = message;
    if (session === this.#session) {
      if (seq < this.#nextReceived) return null;
      this.#nextReceived = seq + 1;
      // A second offer of the same session is none that a peer of ours makes.
      return body.type === "offer" ? null : body;
    }
    if (this.#past.includes(session)) {
      // As long as nothing has come in our session, our offer may be lost, and they ask where they spoke last. Each wish counts
      // once, and none any more when they have answered: whoever relays the messages could end a connection with an old one.
      const heard = this.#heard;
      const wish = body.type === "restart" && this.#nextReceived === 0;
      if (!wish || heard?.session !== session || seq < heard.next) return null;
      heard.next = seq + 1;
      return body;
    }
    if (body.type === "offer") {
      this.begin(session);
      this.#nextReceived = seq + 1;
      return body;
    }
    if (body.type !== "restart") return null;
    this.#heard = { session, next: seq + 1 };
    this.#remember(session);
    return body;
  }

  #remember(session: string): void {
    this.#past = [...this.#past, session].slice(-MAX_PAST);
  }
}
