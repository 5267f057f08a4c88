/** The figures of a connection, once a second, from the browser's statistics (webrtc-stats). */
import type { Quality, QualityCause, QualityView } from "../bindings";

export type Figures = {
  roundTripMs: number | null;
  sentBytes: number;
  receivedBytes: number;
  lost: number;
  received: number;
  relayed: boolean;
  send: { width: number; height: number; fps: number };
  receive: { width: number; height: number; fps: number };
};
const NO_PICTURE = { width: 0, height: 0, fps: 0 };
export const NO_FIGURES: Figures = {
  roundTripMs: null,
  sentBytes: 0,
  receivedBytes: 0,
  lost: 0,
  received: 0,
  relayed: false,
  send: NO_PICTURE,
  receive: NO_PICTURE,
};

type Stat = Record<string, unknown> & { type: string };
const number = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);

export function figures(stats: Iterable<Stat>): Figures {
  const all = new Map<string, Stat>();
  for (const stat of stats) all.set(String(stat.id), stat);
  const found: Figures = { ...NO_FIGURES };
  for (const stat of all.values()) {
    const picture = {
      width: number(stat.frameWidth),
      height: number(stat.frameHeight),
      fps: Math.round(number(stat.framesPerSecond)),
    };
    switch (stat.type) {
      case "candidate-pair": {
        if (stat.nominated !== true || stat.state !== "succeeded") break;
        if (typeof stat.currentRoundTripTime === "number")
          found.roundTripMs = Math.round(stat.currentRoundTripTime * 1000);
        const ends = [all.get(String(stat.localCandidateId)), all.get(String(stat.remoteCandidateId))];
        found.relayed = ends.some((end) => end?.candidateType === "relay");
        break;
      }
      case "inbound-rtp":
        found.receivedBytes += number(stat.bytesReceived);
        found.lost += Math.max(0, number(stat.packetsLost));
        found.received += number(stat.packetsReceived);
        if (stat.kind === "video") found.receive = picture;
        break;
      case "outbound-rtp":
        found.sentBytes += number(stat.bytesSent);
        if (stat.kind === "video") found.send = picture;
        break;
    }
  }
  return found;
}

export function qualityOf(pairs: readonly { before: Figures; now: Figures; seconds: number }[]): QualityView | null {
  if (pairs.length === 0) return null;
  const rate = (key: "sentBytes" | "receivedBytes") =>
    Math.round(
      pairs.reduce((sum, { before, now, seconds }) => sum + Math.max(0, now[key] - before[key]) / seconds, 0) / 125,
    );
  const lossPercent = Math.max(
    ...pairs.map(({ before, now }) => {
      const lost = Math.max(0, now.lost - before.lost);
      const all = lost + Math.max(0, now.received - before.received);
      return all > 0 ? Math.round((100 * lost) / all) : 0;
    }),
  );
  const trips = pairs.flatMap(({ now }) => (now.roundTripMs === null ? [] : [now.roundTripMs]));
  const roundTripMs = trips.length > 0 ? Math.max(...trips) : null;
  const widest = (key: "send" | "receive") =>
    pairs.map(({ now }) => now[key]).reduce((best, each) => (each.width > best.width ? each : best), NO_PICTURE);
  const [send, receive] = [widest("send"), widest("receive")];
  return {
    level: levelOf(roundTripMs ?? 0, lossPercent),
    cause: causeOf(roundTripMs ?? 0, lossPercent),
    roundTripMs,
    sendKbps: rate("sentBytes"),
    receiveKbps: rate("receivedBytes"),
    lossPercent,
    relayed: pairs.some(({ now }) => now.relayed),
    sendWidth: send.width,
    sendHeight: send.height,
    sendFps: send.fps,
    receiveWidth: receive.width,
    receiveHeight: receive.height,
    receiveFps: receive.fps,
  };
}

function causeOf(roundTripMs: number, lossPercent: number): QualityCause | null {
  if (lossPercent > 3) return { kind: "loss" };
  return roundTripMs > 200 ? { kind: "longWay" } : null;
}

function levelOf(roundTripMs: number, lossPercent: number): Quality {
  if (roundTripMs > 400 || lossPercent > 8) return "weak";
  return roundTripMs > 200 || lossPercent > 3 ? "fair" : "good";
}

/** While the picture is held back by the path, files get this share of what it takes, and at least so much a second. */
const FILES_SHARE = 0.05;
const FILES_LEAST = 4096;

/** Bytes a second that files may take beside sound and picture; `null`: what they find free. */
export function filesBudget(stats: Iterable<Stat>): number | null {
  let available = 0;
  let held = false;
  for (const stat of stats) {
    if (stat.type === "candidate-pair" && stat.nominated === true) available = number(stat.availableOutgoingBitrate);
    const picture = stat.type === "outbound-rtp" && stat.kind === "video" && number(stat.framesPerSecond) > 0;
    held ||= picture && stat.qualityLimitationReason === "bandwidth";
  }
  return held ? Math.max(FILES_LEAST, (available / 8) * FILES_SHARE) : null;
}
