/** Every state that the page can be in, by name: `?state=one-to-one`. */
import type {
  CallView,
  CaptureView,
  DeviceInfo,
  DeviceProblem,
  EndReason,
  ParticipantView,
  QualityView,
  RoomView,
} from "..";

export const DEVICES: DeviceInfo[] = [
  { kind: "camera", id: "brio", name: "Logitech Brio 500", isDefault: true },
  { kind: "camera", id: "internal", name: "Integrated Camera", isDefault: false },
  { kind: "microphone", id: "jabra", name: "Jabra Evolve2 40", isDefault: true },
  { kind: "microphone", id: "builtin", name: "Built-in microphone", isDefault: false },
  { kind: "speaker", id: "jabra-out", name: "Jabra Evolve2 40", isDefault: true },
  { kind: "speaker", id: "builtin-out", name: "Built-in speakers", isDefault: false },
];

const on: CaptureView = { wanted: true, state: "on", deviceName: null, deviceId: null, problem: null };
const off: CaptureView = { ...on, wanted: false, state: "off" };
const starting: CaptureView = { ...on, state: "starting" };
const failed = (problem: DeviceProblem): CaptureView => ({ ...on, state: "failed", problem });

const GOOD: QualityView = {
  level: "good",
  cause: null,
  roundTripMs: 42,
  sendKbps: 1180,
  receiveKbps: 1240,
  lossPercent: 0,
  relayed: false,
  sendWidth: 1280,
  sendHeight: 720,
  sendFps: 30,
  receiveWidth: 1280,
  receiveHeight: 720,
  receiveFps: 30,
};

export const INVITE = {
  link: "http://192.168.1.5:7420/j/kafe-buls-tkrk-aqe2#BwcHBwcHBwcHBwcHBwcHBw",
  localOnly: true,
  host: "192.168.1.5:7420",
  mine: true,
};

const UNVERIFIED: Pick<ParticipantView, "trust" | "lasting" | "words" | "savedAs"> = {
  trust: "unverified",
  lasting: true,
  words: [200, 121, 128, 249],
  savedAs: null,
};
export const VERIFIED = { trust: "verified" } as const;
/** Cut off: nothing comes of them any more. */
export const DIFFERS = { trust: "differs", connection: "lost", hasVideo: false } as const;

function person(id: string, name: string, change: Partial<ParticipantView> = {}): ParticipantView {
  return {
    id,
    name,
    microphoneOn: true,
    cameraOn: true,
    hasVideo: true,
    speaking: false,
    connection: "connected",
    role: "participant",
    hand: null,
    reaction: null,
    ...UNVERIFIED,
    ...change,
  };
}
const AMIR = person("amir", "Amir Rahimi");
const SOFIA = person("sofia", "Sofia Marin", { speaking: true });
const JONAS = person("jonas", "Jonas Berg", { microphoneOn: false });

const OFF_CAMERA = { cameraOn: false, hasVideo: false };
const MEI = person("mei", "Mei Tanaka", { microphoneOn: false, hand: 1 });
const DAVID = person("david", "David Okafor", { microphoneOn: false });
const NOOR = person("noor", "Noor Abdi");
const LARS = person("lars", "Lars Nyström", { role: "coHost", speaking: true });
const FATIMA = person("fatima", "Fatima Haddad", { microphoneOn: false });
const OSKAR = person("oskar", "Oskar Holm", { microphoneOn: false, ...OFF_CAMERA });
const KARIN = person("karin", "Karin Ek", { role: "host" });

const ROOM: RoomView = {
  mayModerate: false,
  isHost: false,
  locked: false,
  waitingRoom: false,
  spotlight: null,
  hands: [],
  waiting: [],
};
const HOSTED: RoomView = { ...ROOM, mayModerate: true, isHost: true, waitingRoom: true };

const HOME: CallView = {
  phase: "home",
  connection: "idle",
  invite: null,
  me: { id: null, name: "Elin Lindqvist", microphone: off, camera: off, speaker: { ...off } },
  participants: [],
  connectedForMs: null,
  quality: null,
  problem: null,
  end: null,
};
const live = { ...HOME.me, microphone: on, camera: on, speaker: on };
const LOBBY: CallView = { ...HOME, phase: "lobby", invite: { ...INVITE, mine: false }, me: live };
const CALL: CallView = {
  ...LOBBY,
  phase: "inCall",
  connection: "connected",
  me: { ...live, id: "elin" },
  participants: [AMIR],
  connectedForMs: 1_450_000,
  quality: GOOD,
};
const IN_ROOM: CallView = {
  ...CALL,
  me: { ...CALL.me, role: "participant", hand: null, reaction: null },
  room: ROOM,
  waitingFor: null,
  ask: null,
  unread: 0,
};
const HOST: CallView = {
  ...IN_ROOM,
  me: { ...IN_ROOM.me, role: "host" },
  room: HOSTED,
  participants: [LARS, FATIMA, OSKAR],
};
const ended = (end: EndReason): CallView => ({ ...HOME, phase: "ended", invite: { ...INVITE, mine: false }, end });

export const STATES = {
  home: HOME,
  "home-opening": { ...HOME, connection: "connecting" },
  lobby: LOBBY,
  "lobby-mine": { ...LOBBY, invite: INVITE },
  "lobby-off": { ...LOBBY, me: { ...live, microphone: off, camera: off } },
  "lobby-starting": { ...LOBBY, me: { ...live, microphone: starting, camera: starting } },
  "lobby-camera-busy": { ...LOBBY, me: { ...live, camera: failed("busy") }, problem: "cameraBusy" },
  "lobby-camera-denied": { ...LOBBY, me: { ...live, camera: failed("permissionDenied") }, problem: "cameraDenied" },
  "lobby-camera-missing": { ...LOBBY, me: { ...live, camera: failed("notFound") }, problem: "cameraMissing" },
  "lobby-nothing": {
    ...LOBBY,
    me: { ...live, camera: failed("notFound"), microphone: failed("notFound"), speaker: failed("notFound") },
    problem: "cameraMissing",
  },
  "lobby-sound-missing": {
    ...LOBBY,
    me: { ...live, microphone: failed("busy"), speaker: failed("notFound") },
    problem: "microphoneBusy",
  },
  joining: { ...LOBBY, phase: "joining", connection: "connecting" },
  alone: { ...CALL, connection: "waiting", invite: INVITE, participants: [], connectedForMs: null, quality: null },
  connecting: {
    ...CALL,
    connection: "connecting",
    participants: [{ ...AMIR, hasVideo: false, connection: "connecting" }],
    connectedForMs: null,
    quality: null,
  },
  "one-to-one": CALL,
  muted: {
    ...CALL,
    me: { ...CALL.me, microphone: off, camera: off },
    participants: [{ ...AMIR, microphoneOn: false, cameraOn: false, hasVideo: false }],
  },
  verified: { ...CALL, participants: [{ ...AMIR, ...VERIFIED }] },
  "verified-renamed": { ...CALL, participants: [{ ...AMIR, ...VERIFIED, savedAs: "Amir R." }] },
  "not-verifiable": {
    ...CALL,
    participants: [{ ...AMIR, trust: "notVerifiable", lasting: false, words: null }, SOFIA],
  },
  "key-changed": { ...CALL, participants: [{ ...AMIR, trust: "changed" }], problem: "keyChanged" },
  "words-differ": { ...CALL, connection: "waiting", participants: [{ ...AMIR, ...DIFFERS }], problem: "wordsDiffer" },
  "words-missing": { ...CALL, participants: [{ ...AMIR, words: null }] },
  "guest-words": { ...CALL, participants: [{ ...AMIR, lasting: false }] },
  speaking: { ...CALL, participants: [{ ...AMIR, speaking: true }] },
  fair: {
    ...CALL,
    quality: {
      ...GOOD,
      level: "fair",
      cause: { kind: "slowUpload", kbps: 310 },
      roundTripMs: 140,
      receiveKbps: 640,
      lossPercent: 3,
      relayed: true,
    },
  },
  weak: {
    ...CALL,
    quality: { ...GOOD, level: "weak", cause: { kind: "loss" }, roundTripMs: 410, receiveKbps: 210, lossPercent: 11 },
  },
  busy: {
    ...CALL,
    quality: { ...GOOD, level: "fair", cause: { kind: "busy" }, sendWidth: 640, sendHeight: 360 },
  },
  "grid-3": { ...CALL, participants: [AMIR, SOFIA] },
  "grid-4": { ...CALL, participants: [AMIR, SOFIA, JONAS] },
  "grid-9": {
    ...IN_ROOM,
    room: { ...ROOM, hands: ["mei"] },
    participants: [
      { ...SOFIA, role: "host" },
      { ...AMIR, microphoneOn: false },
      MEI,
      DAVID,
      { ...JONAS, connection: "unstable" },
      { ...LARS, role: "participant", speaking: false, microphoneOn: false, ...OFF_CAMERA },
      KARIN,
      { ...NOOR, microphoneOn: false, reaction: "clap" },
    ],
    unread: 2,
  },
  room: {
    ...IN_ROOM,
    room: { ...ROOM, hands: ["mei"] },
    participants: [{ ...SOFIA, role: "host" }, MEI, { ...AMIR, microphoneOn: false }, DAVID, NOOR],
    unread: 1,
  },
  "hand-up": {
    ...IN_ROOM,
    me: { ...IN_ROOM.me, hand: 2, reaction: "thumbsUp" },
    room: { ...ROOM, hands: ["mei", "me"] },
    participants: [{ ...KARIN, reaction: "heart" }, MEI],
  },
  spotlight: {
    ...IN_ROOM,
    room: { ...ROOM, spotlight: "karin" },
    participants: [KARIN, LARS, FATIMA],
  },
  asked: { ...IN_ROOM, me: { ...IN_ROOM.me, microphone: off }, ask: { by: "Karin Ek", what: "microphone" } },
  host: {
    ...HOST,
    room: {
      ...HOSTED,
      waiting: [
        { id: "maja", name: "Maja Sund", label: "Interview" },
        { id: "tom", name: "Tom Keller", label: null },
      ],
    },
  },
  "host-locked": { ...HOST, room: { ...HOSTED, locked: true }, participants: [LARS, { ...MEI, role: "coHost" }] },
  waiting: { ...LOBBY, phase: "waiting", connection: "waiting", waitingFor: "Karin Ek" },
  "waiting-nobody": {
    ...LOBBY,
    phase: "waiting",
    connection: "waiting",
    waitingFor: null,
    me: { ...live, microphone: off, camera: off },
  },
  "lobby-passcode": { ...LOBBY, invite: { ...INVITE, mine: false, passcode: true } },
  unstable: { ...CALL, connection: "unstable", participants: [{ ...AMIR, connection: "unstable" }] },
  reconnecting: { ...CALL, connection: "reconnecting", problem: "networkLost", quality: null },
  lost: { ...CALL, connection: "lost", problem: "networkLost", quality: null },
  "no-relay": {
    ...CALL,
    connection: "connecting",
    problem: "noRelay",
    participants: [{ ...AMIR, hasVideo: false, connection: "connecting" }],
    connectedForMs: null,
    quality: null,
  },
  untrusted: {
    ...CALL,
    connection: "waiting",
    problem: "untrusted",
    participants: [{ ...AMIR, hasVideo: false, connection: "lost" }],
    connectedForMs: null,
    quality: null,
  },
  "camera-lost": { ...CALL, me: { ...CALL.me, camera: failed("disconnected") }, problem: "cameraLost" },
  "microphone-lost": { ...CALL, me: { ...CALL.me, microphone: failed("disconnected") }, problem: "microphoneLost" },
  "speaker-missing": { ...CALL, me: { ...CALL.me, speaker: failed("notFound") }, problem: "speakerMissing" },
  ended: { ...ended("left"), participants: [AMIR], connectedForMs: 1_920_000 },
  "ended-short": { ...ended("left"), participants: [AMIR], connectedForMs: 21_000 },
  "ended-alone": ended("left"),
  "ended-interrupted": ended("interrupted"),
  "ended-lost": { ...ended("lost"), participants: [AMIR], connectedForMs: 1_920_000 },
  denied: ended("denied"),
  removed: { ...ended("removed"), participants: [KARIN], connectedForMs: 300_000 },
  "ended-by-host": { ...ended("endedByHost"), participants: [KARIN, LARS], connectedForMs: 1_920_000 },
  "link-ended": ended("roomNotFound"),
  "link-passcode": { ...ended("roomNotFound"), invite: { ...INVITE, mine: false, passcode: true } },
  "link-full": ended("roomFull"),
  "link-unreachable": ended("serverUnreachable"),
  "link-certificate": ended("certificateUnknown"),
  "link-certificate-expired": ended("certificateExpired"),
  "no-server": { ...ended("serverUnreachable"), invite: null },
  "link-too-many": ended("tooManyRequests"),
  "link-version": ended("version"),
  "link-protocol": ended("protocol"),
} satisfies Record<string, CallView>;

export type StateName = keyof typeof STATES;
export { AMIR, CALL, HOME, LOBBY, off, on };
