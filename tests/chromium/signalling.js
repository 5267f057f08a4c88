// One signalling connection of a room (call/src/signal.rs): what the server says becomes calls of `on`, what peers say
// is opened before it is passed on.

import { deriveKey, fromBase64url, open, seal } from './seal.js';

const VERSION = 2;
const PING_MS = 5000;

export function parseLink(link) {
  const url = new URL(link);
  return { server: url.origin, room: url.pathname.replace('/j/', ''), secret: fromBase64url(url.hash.slice(1)) };
}

// Through the server of this page, which passes it on without our origin: Fika's server takes no other site's pages.
const socketTo = (server) => new WebSocket(`ws://${location.host}/to/${new URL(server).host}`);

export class Signalling {
  /** `on` has `joined`, `participant`, `left` and `peer(from, message)`. */
  constructor(link, name, on) {
    this.link = parseLink(link);
    this.name = name;
    this.on = on;
    this.incoming = Promise.resolve();
    this.outgoing = Promise.resolve();
  }

  async join() {
    this.key = await deriveKey(this.link.secret, this.link.room);
    this.socket = socketTo(this.link.server);
    // One message after the other: opening is asynchronous and must not reorder them.
    this.socket.onmessage = ({ data }) => { this.incoming = this.incoming.then(() => this.receive(JSON.parse(data))); };
    const joined = new Promise((resolve, reject) => {
      this.answered = { resolve, reject };
      this.socket.onerror = () => reject(new Error('the signalling server does not answer'));
      this.socket.onclose = () => reject(new Error('the signalling server closed'));
    });
    this.socket.onopen = () => {
      this.send({ type: 'join', version: VERSION, room: this.link.room, name: this.name, media: { microphone: true, camera: true } });
      this.ping = setInterval(() => this.send({ type: 'ping' }), PING_MS);
    };
    return joined;
  }

  async receive(message) {
    switch (message.type) {
      case 'joined':
        this.you = message.you;
        this.on.joined(message);
        this.answered.resolve(message.you);
        break;
      case 'refused':
        this.answered.reject(new Error(`refused: ${message.reason}`));
        break;
      case 'participantJoined':
        this.on.participant(message.participant);
        break;
      case 'participantLeft':
        this.on.left(message.participant);
        break;
      case 'signal':
        await this.on.peer(message.from, await open(this.key, message.from, this.you, message.payload));
        break;
    }
  }

  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** Sealing is asynchronous too, and the receiver drops what comes out of order. */
  tell(to, message) {
    this.outgoing = this.outgoing.then(async () => {
      this.send({ type: 'signal', to, payload: await seal(this.key, this.you, to, message) });
    });
  }

  leave() {
    clearInterval(this.ping);
    this.send({ type: 'leave' });
    this.socket.close();
  }
}
