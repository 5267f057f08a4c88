/** What the server says is taken as far as its shape goes; the rest is dropped. */
import { MAX_MESSAGE, type Decline, type ServerMessage } from "../../protocol/signal";
import { REACTIONS } from "../../reactions";

const DECLINES: readonly Decline[] = ["notAllowed", "notHere", "tooFast", "full"];

export function parse(data: unknown): ServerMessage | null {
  if (typeof data !== "string" || data.length > 2 * MAX_MESSAGE) return null;
  try {
    const message: unknown = JSON.parse(data);
    return isMessage(message) ? message : null;
  } catch {
    return null;
  }
}

type Fields = Record<string, unknown>;
const object = (value: unknown): value is Fields => typeof value === "object" && value !== null;
const text = (value: unknown) => typeof value === "string";
const flag = (value: unknown) => typeof value === "boolean";
const count = (value: unknown) => typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
const orNull = (is: (value: unknown) => boolean) => (value: unknown) => value === null || is(value);
const list = (is: (value: unknown) => boolean) => (value: unknown) => Array.isArray(value) && value.every(is);
const oneOf = (names: readonly string[]) => (value: unknown) => names.includes(value as string);
const textOrNull = orNull(text);
const isReaction = oneOf(REACTIONS);

const isParticipant = (value: unknown) =>
  object(value) &&
  text(value.id) &&
  text(value.name) &&
  object(value.media) &&
  flag(value.media.microphone) &&
  flag(value.media.camera);
const isRoom = (value: unknown) =>
  object(value) &&
  textOrNull(value.host) &&
  list(text)(value.coHosts) &&
  flag(value.locked) &&
  flag(value.waitingRoom) &&
  textOrNull(value.spotlight) &&
  list(text)(value.hands);
const isGuest = (value: unknown) => object(value) && text(value.id) && text(value.name) && textOrNull(value.label);
const isMessageReaction = (value: unknown) => object(value) && text(value.from) && isReaction(value.reaction);
const isChat = (value: unknown) =>
  object(value) &&
  count(value.id) &&
  text(value.from) &&
  text(value.name) &&
  textOrNull(value.to) &&
  count(value.at) &&
  text(value.payload) &&
  list(isMessageReaction)(value.reactions);

/** Each kind that a guest is told. Of invites and rooms that are opened only their owner hears. */
const SHAPES: Record<string, (message: Fields) => boolean> = {
  joined: ({ you, resume, participants, iceServers }) =>
    text(you) && text(resume) && list(isParticipant)(participants) && Array.isArray(iceServers),
  waiting: ({ you, resume, host }) => text(you) && text(resume) && textOrNull(host),
  token: ({ resume, iceServers }) => text(resume) && (iceServers === undefined || Array.isArray(iceServers)),
  muted: ({ by }) => textOrNull(by),
  cameraStopped: ({ by }) => textOrNull(by),
  asked: ({ by, what }) => textOrNull(by) && oneOf(["microphone", "camera"])(what),
  participantJoined: ({ participant }) => isParticipant(participant),
  participantChanged: ({ participant }) => isParticipant(participant),
  participantLeft: ({ participant }) => text(participant),
  signal: ({ from, payload }) => text(from) && text(payload),
  room: ({ state }) => isRoom(state),
  waitingRoom: ({ guests }) => list(isGuest)(guests),
  reacted: ({ participant, reaction }) => text(participant) && isReaction(reaction),
  chat: ({ message, tag, history }) => isChat(message) && orNull(count)(tag) && flag(history),
  messageReactions: ({ message, reactions }) => count(message) && list(isMessageReaction)(reactions),
  declined: ({ tag, reason }) => orNull(count)(tag) && oneOf(DECLINES)(reason),
  refused: ({ reason }) => text(reason),
  pong: () => true,
};

function isMessage(message: unknown): message is ServerMessage {
  if (!object(message) || typeof message.type !== "string") return false;
  return Object.hasOwn(SHAPES, message.type) && SHAPES[message.type]?.(message) === true;
}
