import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { base64url, fromBase64url } from "../../src/lib/backend/web/base64";
import { PeerChannel, type Opened } from "../../src/lib/backend/web/channel";
import { deviceList, levelOf, problemOf } from "../../src/lib/backend/web/devices";
import { isLocal, parseLink } from "../../src/lib/backend/web/link";
import { figures, NO_FIGURES, qualityOf } from "../../src/lib/backend/web/quality";
import { deriveKey, MAX_PLAINTEXT, open, seal } from "../../src/lib/backend/web/seal";
import { isCandidateAllowed, isDescription, withoutCandidates } from "../../src/lib/backend/web/sdp";
import { load, merged, save } from "../../src/lib/backend/web/settings";
import { parse } from "../../src/lib/backend/web/shape";
import { encodingFor, wantOfTile } from "../../src/lib/backend/web/want";
import type { PeerBody, PeerMessage } from "../../src/lib/protocol/signal";

const ROOM = "aaaq-eaye-auda-oceb";
const SECRET = new TextEncoder().encode("0123456789abcdef");
const LINK = `https://meet.example.org/j/${ROOM}#${base64url(SECRET)}`;

describe("links", () => {
  it("are read with what follows the secret", () => {
    expect(parseLink(` <${LINK}> `)).toMatchObject({
      origin: "https://meet.example.org",
      room: ROOM,
      secret: SECRET,
      code: null,
      passcode: false,
      text: LINK,
    });
    const code = "c".repeat(22);
    expect(parseLink(`${LINK}.${code}.p`)).toMatchObject({ code, passcode: true });
    expect(parseLink(`${LINK}.p`)).toMatchObject({ code: null, passcode: true });
  });

  it("have a word for each mistake", () => {
    expect(parseLink("hello")).toBe("notALink");
    expect(parseLink("https://meet.example.org/")).toBe("notALink");
    expect(parseLink(LINK.replace("https:", "ftp:"))).toBe("notALink");
    expect(parseLink(LINK.replace("meet", "me@meet"))).toBe("notALink");
    expect(parseLink(`${LINK}${"x".repeat(2048)}`)).toBe("notALink");
    expect(parseLink(LINK.replace(/#.*/, ""))).toBe("incomplete");
    expect(parseLink("https://meet.example.org/j/#x")).toBe("incomplete");
    expect(parseLink(LINK.slice(0, -1))).toBe("typo");
    expect(parseLink(LINK.replace("aaaq", "aaa1"))).toBe("typo");
    expect(parseLink(`${LINK}.x`)).toBe("typo");
    fc.assert(fc.property(fc.string(), (text) => void parseLink(text)));
    fc.assert(fc.property(fc.string(), (text) => void parseLink(`https://h/j/${text}`)));
  });

  it("of a local network are told apart", () => {
    const local = [
      "localhost:7420",
      "192.168.1.5",
      "10.0.0.1:80",
      "172.31.0.1",
      "127.0.0.1",
      "[::1]:80",
      "[fd00::1]",
      "x.local",
    ];
    for (const host of local) expect(isLocal(host), host).toBe(true);
    const far = ["meet.example.org", "172.32.0.1", "192.169.0.1", "10.evil.example", "[2001:db8::1]"];
    for (const host of far) expect(isLocal(host), host).toBe(false);
  });
});

describe("base64url", () => {
  it("comes back, and is the only spelling", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(fromBase64url(base64url(bytes))).toEqual(bytes);
      }),
    );
    const long = new Uint8Array(20_000).map((_, index) => index);
    expect(fromBase64url(base64url(long))).toEqual(long);
    for (const text of ["A", "AB", "AA=", "A A", "+/", "å"]) expect(fromBase64url(text), text).toBeNull();
  });
});

describe("the seal", () => {
  const message: PeerMessage = { session: "s1", seq: 7, body: { type: "offer", sdp: "v=0" } };
  const sealed =
    "bm9uY2Utb2YtMTJiyt-UNkQpPQVYapQpaqj4EkLVNFNy1MqOax3hFOpuo5or_c3jZKO4tHUdFsZpzxyVAf2rwXla_q8_hiCqDyzuO5D8km_Wx9M-2Jl4xQ";

  it("is that of the protocol", async () => {
    const key = await deriveKey(SECRET, ROOM);
    const nonce = new TextEncoder().encode("nonce-of-12b");
    expect(await seal(key, "alice", "bob", message, nonce)).toBe(sealed);
    expect(await open(key, "alice", "bob", sealed)).toEqual(message);
  });

  it("opens for nobody else, and nothing that was changed", async () => {
    const key = await deriveKey(SECRET, ROOM);
    expect(await open(key, "bob", "alice", sealed)).toBe("untrusted");
    expect(await open(await deriveKey(SECRET, "aaaa-aaaa-aaaa-aaaa"), "alice", "bob", sealed)).toBe("untrusted");
    const other = new Uint8Array(SECRET).fill(1);
    expect(await open(await deriveKey(other, ROOM), "alice", "bob", sealed)).toBe("untrusted");
    for (const text of ["", "AAAA", sealed.slice(4), "x".repeat(100_000), "å"]) {
      expect(await open(key, "alice", "bob", text)).toBe("untrusted");
    }
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: sealed.length - 2 }), async (at) => {
        const damaged = sealed.slice(0, at) + (sealed[at] === "A" ? "B" : "A") + sealed.slice(at + 1);
        expect(await open(key, "alice", "bob", damaged)).toBe("untrusted");
      }),
    );
  });

  it("of what is no message of ours is nonsense", async () => {
    const key = await deriveKey(SECRET, ROOM);
    for (const wrong of [
      {},
      { session: 1, seq: 0, body: { type: "restart" } },
      { session: "s", seq: -1, body: { type: "restart" } },
      { session: "s", seq: 0.5, body: { type: "restart" } },
      { session: "s", seq: 0, body: { type: "offer" } },
      { session: "s", seq: 0, body: { type: "hello" } },
      { session: "s", seq: 0, body: { type: "wantVideo", want: { lines: "all" } } },
    ]) {
      const text = await seal(key, "a", "b", wrong as PeerMessage);
      expect(await open(key, "a", "b", text ?? "")).toBe("nonsense");
    }
    const huge = { ...message, body: { type: "offer", sdp: "x".repeat(MAX_PLAINTEXT) } } as const;
    expect(await seal(key, "a", "b", huge)).toBeNull();
  });
});

describe("PeerChannel", () => {
  async function pair() {
    const key = await deriveKey(SECRET, ROOM);
    const sent: string[] = [];
    const channel = new PeerChannel(key, "b", "a", (payload) => void sent.push(payload));
    const from = (session: string, seq: number, body: PeerBody) => seal(key, "a", "b", { session, seq, body });
    const got = async (payload: string | null) => {
      const opened: Opened[] = [];
      channel.receive(payload ?? "", (one) => void opened.push(one));
      await new Promise<void>((resolve) => channel.receive("", () => resolve()));
      return opened.map(({ type }) => type);
    };
    return { channel, key, sent, from, got };
  }

  it("takes each message once and in order, of the newest session", async () => {
    const { from, got } = await pair();
    expect(await got(await from("s1", 0, { type: "offer", sdp: "v=0" }))).toEqual(["offer"]);
    const candidate = { type: "candidate", candidate: "c", sdpMid: null, sdpMLineIndex: null } as const;
    const second = await from("s1", 2, candidate);
    expect(await got(second)).toEqual(["candidate"]);
    expect(await got(second)).toEqual([]);
    expect(await got(await from("s1", 1, candidate))).toEqual([]);
    expect(await got(await from("s1", 3, { type: "offer", sdp: "v=0" }))).toEqual([]);
    expect(await got(await from("s0", 0, candidate))).toEqual([]);
    expect(await got(await from("s2", 0, { type: "offer", sdp: "v=0" }))).toEqual(["offer"]);
    expect(await got(await from("s1", 9, candidate))).toEqual([]);
    expect(await got(await from("s1", 9, { type: "offer", sdp: "v=0" }))).toEqual([]);
  });

  it("hears a wish to begin again from who has no session, and says when a seal does not fit", async () => {
    const { from, got } = await pair();
    const wish = await from("s7", 0, { type: "restart" });
    expect(await got(wish)).toEqual(["restart"]);
    expect(await got(wish), "once").toEqual([]);
    expect(await got(await from("s7", 1, { type: "restart" }))).toEqual(["restart"]);
    expect(await got("rubbish")).toEqual(["untrusted"]);
  });

  it("hears a wish in the session before, as long as ours may be unknown to them", async () => {
    const { channel, from, got } = await pair();
    const wish = (seq: number) => from("s1", seq, { type: "restart" });
    channel.begin("s1");
    expect(await got(await from("s1", 0, { type: "answer", sdp: "v=0" }))).toEqual(["answer"]);
    for (const seq of [2, 3]) {
      channel.begin(`lost-${seq}`);
      expect(await got(await wish(seq))).toEqual(["restart"]);
      expect(await got(await wish(seq))).toEqual([]);
    }
    expect(await got(await wish(1)), "older than what was heard").toEqual([]);
    channel.begin("s2");
    expect(await got(await from("s2", 0, { type: "answer", sdp: "v=0" }))).toEqual(["answer"]);
    expect(await got(await wish(9)), "they have answered since").toEqual([]);
  });

  it("numbers what it says, in order", async () => {
    const { channel, key, sent } = await pair();
    channel.tell({ type: "answer", sdp: "lost, there is no session" });
    channel.begin("s1");
    channel.tell({ type: "answer", sdp: "v=0" });
    channel.tell({ type: "restart" });
    await new Promise<void>((resolve) => channel.receive("", () => resolve()));
    while (sent.length < 2) await new Promise((resolve) => setTimeout(resolve));
    const opened = await Promise.all(sent.map((payload) => open(key, "b", "a", payload)));
    expect(opened).toEqual([
      { session: "s1", seq: 0, body: { type: "answer", sdp: "v=0" } },
      { session: "s1", seq: 1, body: { type: "restart" } },
    ]);
  });
});

describe("descriptions and candidates", () => {
  const sdp = "v=0\r\na=fingerprint:sha-256 AA:BB\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n";

  it("name one certificate", () => {
    expect(isDescription(sdp)).toBe(true);
    expect(isDescription(`${sdp}a=fingerprint:sha-256 aa:bb\r\n`)).toBe(true);
    expect(isDescription(`${sdp}a=fingerprint:sha-256 AA:CC\r\n`)).toBe(false);
    expect(isDescription(sdp.replace("sha-256", "sha-1"))).toBe(false);
    expect(isDescription(sdp.replace("a=fingerprint", "a=x"))).toBe(false);
    expect(isDescription(sdp.replace("m=audio", "x=audio"))).toBe(false);
    expect(isDescription(sdp + "m=audio 9 x\r\n".repeat(8))).toBe(false);
    expect(isDescription(sdp + "a=x\r\n".repeat(10_000))).toBe(false);
    expect(withoutCandidates(`${sdp}a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\na=end-of-candidates\r\n`)).toBe(sdp);
  });

  it("point at nobody's own services", () => {
    const at = (address: string, loopback = false) =>
      isCandidateAllowed(`candidate:1 1 udp 2130706431 ${address} 50000 typ host`, loopback);
    for (const address of [
      "192.168.1.5",
      "203.0.113.9",
      "fd00::1",
      "2001:db8::1",
      "5f2a1b3c-1111-2222-3333-444455556666.local",
    ])
      expect(at(address), address).toBe(true);
    for (const address of ["127.0.0.1", "::1", "0:0:0:0:0:0:0:1"]) {
      expect(at(address), address).toBe(false);
      expect(at(address, true), address).toBe(true);
    }
    for (const address of [
      "224.0.0.251",
      "255.255.255.255",
      "0.0.0.0",
      "::",
      "ff02::1",
      "::ffff:127.0.0.1",
      "::ffff:7f00:1",
      "intranet",
      "x.local",
      "999.1.1.1",
    ])
      expect(at(address, true), address).toBe(false);
    for (const text of [
      "",
      "candidate:",
      "candidate:1 1 udp 1 10.0.0.1 0 typ host",
      "candidate:1 1 tcp 1 10.0.0.1 9 typ host",
    ])
      expect(isCandidateAllowed(text, true), text).toBe(false);
    fc.assert(fc.property(fc.string(), (text) => void isCandidateAllowed(text, true)));
  });
});

it("tiles want what fills them, as the app's do", () => {
  for (const [width, height, lines] of [
    [1280, 720, 720],
    [1280, 840, 1080],
    [640, 360, 360],
    [300, 800, 720],
    [240, 135, 180],
    [1, 1, 180],
    [4000, 100, 65535],
    [0, 300, 0],
  ] as const)
    expect(wantOfTile(width, height).lines).toBe(lines);
  expect(encodingFor(null, 720)).toMatchObject({ active: true, scaleResolutionDownBy: 1 });
  expect(encodingFor({ lines: 180, frameRate: 15 }, 720)).toEqual({
    active: true,
    scaleResolutionDownBy: 4,
    maxFramerate: 15,
  });
  expect(encodingFor({ lines: 0, frameRate: 0 }, 720).active).toBe(false);
});

describe("what the server says", () => {
  it("is taken as far as its shape goes", () => {
    const participant = { id: "a", name: "A", media: { microphone: true, camera: false }, away: false };
    const joined = { type: "joined", you: "b", resume: "r", participants: [participant], iceServers: [] };
    const waiting = { type: "waiting", you: "b", resume: "r", host: null };
    const told = [joined, waiting, { type: "token", resume: "t" }, { type: "muted", by: "a" }];
    for (const message of told) expect(parse(JSON.stringify(message))).toEqual(message);
    for (const wrong of [
      { ...waiting, host: 1 },
      { type: "token" },
      { type: "cameraStopped", by: 2 },
      { ...joined, participants: [{}] },
      { ...joined, you: 1 },
      { type: "signal", from: "a" },
      { type: "participantJoined", participant: { ...participant, media: null } },
      { type: "news" },
      null,
      3,
    ])
      expect(parse(JSON.stringify(wrong))).toBeNull();
    expect(parse("{")).toBeNull();
    expect(parse(new ArrayBuffer(3))).toBeNull();
    fc.assert(fc.property(fc.json(), (text) => void parse(text)));
  });
});

describe("devices", () => {
  it("are listed once, with the browser's own choice marked", () => {
    const device = (kind: MediaDeviceKind, deviceId: string, label: string, groupId = deviceId) => ({
      kind,
      deviceId,
      label,
      groupId,
    });
    expect(
      deviceList([
        device("audioinput", "default", "Default - Jabra", "g1"),
        device("audioinput", "builtin", "Built-in"),
        device("audioinput", "jabra", "Jabra", "g1"),
        device("videoinput", "cam", "Camera"),
        device("audiooutput", "", ""),
      ]),
    ).toEqual([
      { kind: "microphone", id: "builtin", name: "Built-in", isDefault: false },
      { kind: "microphone", id: "jabra", name: "Jabra", isDefault: true },
      { kind: "camera", id: "cam", name: "Camera", isDefault: true },
    ]);
  });

  it("that do not open have their reason", () => {
    const named = (name: string) => problemOf(new DOMException("", name));
    expect(named("NotAllowedError")).toBe("permissionDenied");
    expect(named("NotFoundError")).toBe("notFound");
    expect(named("NotReadableError")).toBe("busy");
    expect(problemOf(new Error("x"))).toBe("failed");
  });

  it("have a level from silence to a shout", () => {
    expect(levelOf(new Float32Array(64))).toBe(0);
    expect(levelOf(new Float32Array(64).fill(1))).toBe(100);
    expect(levelOf(new Float32Array(64).fill(0.03))).toBeGreaterThan(30);
  });
});

it("figures are those of the pair that is used, and rates those of the second", () => {
  const stats = (bytes: number, lost: number) => [
    { id: "L", type: "local-candidate", candidateType: "relay" },
    { id: "p0", type: "candidate-pair", nominated: false, state: "succeeded", currentRoundTripTime: 9 },
    {
      id: "p1",
      type: "candidate-pair",
      nominated: true,
      state: "succeeded",
      currentRoundTripTime: 0.25,
      localCandidateId: "L",
    },
    {
      id: "v",
      type: "inbound-rtp",
      kind: "video",
      bytesReceived: bytes,
      packetsLost: lost,
      packetsReceived: bytes / 100,
      frameWidth: 640,
      frameHeight: 360,
      framesPerSecond: 14.6,
    },
    { id: "o", type: "outbound-rtp", kind: "audio", bytesSent: bytes / 10 },
  ];
  const [before, now] = [figures(stats(100_000, 0)), figures(stats(225_000, 50))];
  expect(qualityOf([{ before, now, seconds: 1 }])).toEqual({
    level: "fair",
    cause: { kind: "loss" },
    roundTripMs: 250,
    sendKbps: 100,
    receiveKbps: 1000,
    lossPercent: 4,
    relayed: true,
    sendWidth: 0,
    sendHeight: 0,
    sendFps: 0,
    receiveWidth: 640,
    receiveHeight: 360,
    receiveFps: 15,
  });
  expect(qualityOf([])).toBeNull();
  expect(figures([])).toEqual(NO_FIGURES);
});

it("settings survive what is wrong with what was kept", () => {
  const fresh = load();
  expect(merged(null)).toEqual(fresh);
  expect(
    merged({ call: { name: "Åsa", camera: 3, hat: 1 }, appearance: { theme: "dark", mirrorSelf: "yes" } }),
  ).toEqual({
    call: { ...fresh.call, name: "Åsa" },
    appearance: { ...fresh.appearance, theme: "dark" },
    controls: fresh.controls,
  });
  expect(save({ ...fresh, call: { ...fresh.call, name: "x".repeat(100) } }).call.name).toHaveLength(60);
  fc.assert(fc.property(fc.jsonValue(), (value) => void merged(value)));
});
