// A browser in a Fika room, driven by the tests through `window.fika`.

import { Peer } from './peer.js';
import { deriveKey, fromBase64url, open, seal } from './seal.js';
import { Signalling } from './signalling.js';
import { hear, listen } from './sound.js';
import { readMarks, record, watch } from './picture.js';

const remoteVideo = document.getElementById('remote');
const localVideo = document.getElementById('local');

/** A picture for one more than the first, in the other three quarters of the window. */
function another(id) {
  let video = document.getElementById(`peer-${id}`);
  if (video) return video;
  video = Object.assign(document.createElement('video'), { id: `peer-${id}`, autoplay: true, playsInline: true });
  document.body.append(video);
  document.body.classList.add('grid');
  return video;
}

const fika = {
  /** What happened when, in ms of `performance.now()`. */
  marks: {},
  /** Frames as presented: [media time s, capture ms or null, presented ms, expected on screen ms, lines]. */
  frames: { remote: [], local: [] },
  peers: new Map(),

  mark(name) {
    fika.marks[name] ??= performance.now();
  },

  async camera({ width = 1280, height = 720, frameRate = 30 } = {}) {
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    fika.stream = await navigator.mediaDevices.getUserMedia({ audio, video: { width, height, frameRate } });
    localVideo.srcObject = fika.stream;
    watch(localVideo, fika.frames.local);
    return fika.stream.getVideoTracks()[0].getSettings();
  },

  /** Takes a seat in the room of `link` and connects to everybody there. `free`: the browser chooses the size. */
  async join(link, { name = 'Chromium', maxBitrate = 2_500_000, sends = true, free = false, codec = 'h264' } = {}) {
    if (sends && !fika.stream) await fika.camera();
    fika.mark('join');
    document.getElementById('home')?.remove();
    let iceServers = [];
    const begin = (id, session) => {
      const offers = signalling.you < id;
      fika.peers.get(id)?.close();
      let seq = 0;
      const peer = new Peer({
        offers, iceServers, stream: fika.stream, maxBitrate, free, codec, mark: fika.mark,
        tell: (body) => signalling.tell(id, { session, seq: seq++, body }),
        onTrack: (stream) => {
          const first = !remoteVideo.srcObject || fika.shownBy === id;
          const video = first ? remoteVideo : another(id);
          if (video.srcObject === stream) return;
          video.srcObject = stream;
          if (!first) return;
          fika.shownBy = id;
          watch(remoteVideo, fika.frames.remote, () => fika.mark('firstFrame'));
        },
      });
      peer.session = session;
      fika.peers.set(id, peer);
      return peer;
    };
    const meet = async (id) => {
      if (signalling.you < id) await begin(id, crypto.randomUUID()).offer();
    };
    const signalling = new Signalling(link, name, {
      joined: (message) => {
        fika.mark('joined');
        iceServers = message.iceServers;
        for (const participant of message.participants) {
          if (participant.id !== message.you) meet(participant.id);
        }
      },
      participant: (participant) => meet(participant.id),
      left: (id) => { fika.peers.get(id)?.close(); fika.peers.delete(id); },
      peer: async (from, { session, body }) => {
        let peer = fika.peers.get(from);
        if (body.type === 'restart') return meet(from);
        if (body.type === 'offer' && peer?.session !== session) peer = begin(from, session);
        if (peer?.session === session) await peer.receive(body);
      },
    });
    fika.signalling = signalling;
    return signalling.join();
  },

  leave() {
    for (const peer of fika.peers.values()) peer.close();
    fika.signalling.leave();
  },

  restartIce: () => Promise.all([...fika.peers.values()].map((peer) => peer.restart())),

  /** The RTP streams of the first peer, with the codecs that they name. */
  async stats() {
    const [peer] = fika.peers.values();
    if (!peer) return [];
    const report = await peer.pc.getStats();
    return [...report.values()]
      .filter(({ type }) => ['inbound-rtp', 'outbound-rtp', 'remote-inbound-rtp', 'transport'].includes(type))
      .map((stat) => ({ ...stat, mimeType: report.get(stat.codecId)?.mimeType }));
  },

  /** The same of all peers. */
  async everything() {
    const reports = await Promise.all([...fika.peers.values()].map((peer) => peer.pc.getStats()));
    return reports.flatMap((report) => [...report.values()].filter(({ type }) => type === 'inbound-rtp'));
  },

  /** Resolves when `condition()` is true; looks again with each second frame of a 20 Hz clock. */
  until(condition, ms = 20_000) {
    return new Promise((resolve, reject) => {
      const end = performance.now() + ms;
      const timer = setInterval(async () => {
        const value = await condition();
        if (value || performance.now() > end) clearInterval(timer);
        if (value) resolve(value);
        else if (performance.now() > end) reject(new Error(`not within ${ms} ms: ${condition}`));
      }, 50);
    });
  },

  /** From now on notes which marked picture the camera gave when: [number, ms]. */
  marksRead: [],
  readMarks() { readMarks(localVideo, fika.marksRead); },

  /** From now on gives each picture of the first peer to a port of this machine. */
  unrecorded: 0,
  record(port) {
    const [track] = remoteVideo.srcObject.getVideoTracks();
    return record(track, port, () => { fika.unrecorded += 1; });
  },

  /** From now on notes how strong the test tone of the first peer is: [ms, strength] of each 10 ms. */
  heard: [],
  hear() { hear(remoteVideo.srcObject.getAudioTracks()[0], fika.heard); },

  /** Strongest frequency of what arrives, in Hz, and its level in dBFS. */
  tone: () => listen(remoteVideo.srcObject),

  seal, open, deriveKey, fromBase64url,
};

window.fika = fika;
