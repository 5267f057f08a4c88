/**
 * A guest's browser: devices, peer connections and signalling of its own behind the seam. The link is the address of the page;
 * what follows # is read here and sent nowhere.
 */
import type {
  AppSettings,
  Backend,
  CallView,
  DeviceKind,
  EndReason,
  Events,
  MeView,
  Phase,
  Problem,
  RoomBackend,
} from "..";
import { WebCall } from "./call";
import { Devices } from "./devices";
import { isLocal, parseLink, type Link } from "./link";
import { pickFiles } from "./pick";
import { load, save } from "./settings";
import { testSound } from "./sound";
import { cleanName } from "./text";
import { Trusted } from "./trust";
import { ElementVideo } from "./video";

const refuse = (code: "notALink" | "incomplete" | "typo"): Promise<never> => Promise.reject({ code, message: code });

export function webBackend(): Backend {
  const video = new ElementVideo();
  let settings: AppSettings = load();
  let events: Events | undefined;
  let phase: Phase = "home";
  let link: Link | null = null;
  let passcode = "";
  let call: WebCall | null = null;
  const trusted = new Trusted();
  let end: EndReason | null = null;
  /** The last view of the call, for the screen after it. */
  let after: Partial<CallView> = {};
  let told = false;

  const devices = new Devices(settings.call, changed, heard);
  const live = (kind: "camera" | "microphone") => devices.views[kind].wanted && devices.views[kind].state === "on";
  const media = () => ({ microphone: live("microphone"), camera: live("camera") });
  let sent = JSON.stringify(media());

  /** At most one snapshot for each turn of the event loop. */
  function changed(): void {
    call?.tracksChanged();
    const now = JSON.stringify(media());
    if (now !== sent) call?.setMedia(media());
    sent = now;
    video.set("me/camera", devices.track("camera"));
    for (const [id, person] of call?.people ?? []) video.set(`${id}/camera`, person.picture);
    if (told) return;
    told = true;
    queueMicrotask(() => {
      told = false;
      events?.devicesChanged(devices.list);
      const chat = call?.room.chat.take(call.id);
      if (chat) events?.chatChanged(chat);
      const files = call?.files.take();
      if (files) events?.filesChanged(files);
      const text = call?.texts.take();
      if (text) events?.textChanged(text);
      events?.callChanged(view());
    });
  }
  function heard(): void {
    const participants = [...(call?.people ?? [])].map(([id, { level }]) => ({ id, level }));
    events?.levelsChanged({ microphone: devices.level, participants });
  }

  function me(): MeView {
    const mine = call?.room.of(call.id);
    return { id: call?.id ?? null, name: settings.call.name, ...mine, ...devices.views };
  }
  function problem(): Problem | null {
    if (call?.distrust) return call.distrust;
    if (call && (call.connection === "reconnecting" || call.connection === "lost")) return "networkLost";
    const { camera, microphone } = devices.views;
    if (microphone.wanted && microphone.problem) return MICROPHONE[microphone.problem] ?? "microphoneLost";
    if (camera.wanted && camera.problem) return CAMERA[camera.problem] ?? "cameraFailed";
    return null;
  }
  function view(): CallView {
    const running = phase === "inCall" ? call : null;
    const behindTheDoor = phase === "waiting" ? call : null;
    const idle = phase === "joining" ? "connecting" : end === "lost" ? "lost" : "idle";
    return {
      phase,
      connection: (running ?? behindTheDoor)?.connection ?? idle,
      invite: link && {
        link: link.text,
        localOnly: isLocal(link.host),
        host: link.host,
        mine: false,
        passcode: link.passcode,
      },
      me: me(),
      participants: running?.participants() ?? [],
      connectedForMs: running?.connectedForMs ?? null,
      quality: running?.connection === "connected" ? running.quality : null,
      problem: problem(),
      waitingFor: behindTheDoor?.door?.host ?? null,
      room: running?.room.view() ?? null,
      ask: running?.room.ask ?? null,
      unread: running?.room.chat.unread ?? 0,
      end,
      ...(phase === "ended" ? after : {}),
    };
  }

  function lobby(next: Link): void {
    link = next;
    passcode = "";
    phase = "lobby";
    end = null;
    changed();
    void devices.openBoth();
  }
  function over(reason: EndReason): void {
    const { participants, connectedForMs } = view();
    after = { participants, connectedForMs };
    call?.close();
    call = null;
    events?.chatChanged({ messages: [] });
    events?.textChanged({ on: false, lines: [] });
    events?.filesChanged({ files: [], maxSize: 0 });
    phase = "ended";
    end = reason;
    video.close();
    devices.close();
    changed();
  }
  async function join(): Promise<void> {
    if (!link) return;
    phase = "joining";
    end = null;
    const joining: WebCall = new WebCall(link, cleanName(settings.call.name), media(), passcode, trusted, {
      changed: () => {
        if (joining !== call) return;
        if (joining.door) phase = "waiting";
        else if (joining.id !== null) phase = "inCall";
        changed();
      },
      notified: (notification) => joining === call && events?.notified(notification),
      heard,
      switchedOff: (kind, by) => {
        if (joining !== call) return;
        devices.shut(kind);
        events?.notified({ type: kind === "microphone" ? "muted" : "cameraStopped", by });
      },
      ended: (reason) => joining === call && over(reason),
      tracks: () => ({ audio: devices.track("microphone"), video: devices.track("camera") }),
      wants: (kind) => devices.views[kind].wanted,
    });
    joining.setSink(devices.chosen.speaker);
    call?.close();
    call = joining;
    changed();
    await joining.join();
  }
  async function setCapture(kind: "camera" | "microphone", on: boolean): Promise<void> {
    call?.room.answered(kind);
    if (on) await devices.open(kind);
    else devices.shut(kind);
  }
  /** Nothing, once the call is over. */
  async function inRoom(act: (room: RoomBackend) => Promise<void>): Promise<void> {
    if (call) await act(call.room);
  }
  const keep = (next: AppSettings): AppSettings => (settings = save(next));

  return {
    start: async (listener) => {
      events = listener;
      const found = parseLink(location.href);
      if (typeof found !== "string") lobby(found);
      addEventListener("hashchange", () => location.reload());
      // The others need not wait until the server notices.
      addEventListener("pagehide", () => call?.leave());
      return {
        version: "",
        platform: "web",
        locale: navigator.language,
        video: { kind: "element" },
        linkError: typeof found === "string" && location.pathname.startsWith("/j/") ? found : null,
        smallWindow: false,
        settings,
        view: view(),
        devices: devices.list,
      };
    },
    keyPlace: async () => "memory",
    video: () => video,
    newCall: () => refuse("notALink"),
    openInvite: async (text) => {
      const next = parseLink(text);
      if (typeof next === "string") return refuse(next === "incomplete" || next === "typo" ? next : "notALink");
      // Another server has a page of its own.
      if (next.origin !== location.origin) location.assign(next.text);
      else {
        history.replaceState(null, "", next.text);
        lobby(next);
      }
    },
    join,
    leave: async () => {
      const leaving = call;
      over("left");
      leaving?.leave();
    },
    home: async () => {
      call?.leave();
      call = null;
      phase = "home";
      link = null;
      end = null;
      devices.close();
      changed();
    },
    rejoin: async () => {
      if (phase === "inCall" && call && !call.lost) return call.hurry();
      if (phase === "ended") void devices.openBoth();
      await join();
    },
    setPasscode: async (text) => void (passcode = text),
    setMicrophone: (on) => setCapture("microphone", on),
    setCamera: (on) => setCapture("camera", on),
    selectDevice: async (kind: DeviceKind, id) => {
      if (kind === "speaker") call?.setSink(id);
      await devices.select(kind, id);
      return keep({ ...settings, call: { ...settings.call, [kind]: id } });
    },
    retryDevice: async (kind) => {
      if (kind !== "speaker") await devices.open(kind);
    },
    playTestSound: () => testSound(),
    setName: async (name) => {
      const kept = keep({ ...settings, call: { ...settings.call, name } });
      call?.setName(kept.call.name);
      changed();
      return kept;
    },
    saveSettings: async (next) => keep(next),
    setLayout: async (layout) => call?.setLayout(layout),
    surfaceStats: async () => [],
    setFullscreen: async (on) => {
      if (on) await document.documentElement.requestFullscreen();
      else if (document.fullscreenElement) await document.exitFullscreen();
    },
    compareWords: async (id, same) => call?.wordsCompared(id, same),
    forgetContacts: async () => {
      trusted.forget();
      changed();
    },
    // A browser shows no page of ours above other windows.
    setSmallWindow: null,
    meetings: null,
    rooms: {
      moderate: (action) => inRoom((room) => room.moderate(action)),
      setHand: (up) => inRoom((room) => room.setHand(up)),
      react: (reaction) => inRoom((room) => room.react(reaction)),
      sendChat: (text, to, replyTo) => inRoom((room) => room.sendChat(text, to, replyTo)),
      retryChat: (key) => inRoom((room) => room.retryChat(key)),
      reactToMessage: (id, reaction, on) => inRoom((room) => room.reactToMessage(id, reaction, on)),
      readChat: () => inRoom((room) => room.readChat()),
      dismissAsk: () => inRoom((room) => room.dismissAsk()),
    },
    beside: {
      sendFile: async (to) => pickFiles((files) => call?.files.offer(files, to)),
      acceptFile: async (key) => call?.files.accept(key),
      declineFile: async (key) => call?.files.decline(key),
      cancelFile: async (key) => call?.files.cancel(key),
      setTextOn: async (on) => call?.texts.setOn(on),
      setTextLine: async (text) => call?.texts.setLine(text),
      endTextLine: async () => call?.texts.endLine(),
    },
    // A guest's key ends with the page.
    ring: null,
  };
}

const CAMERA: Record<string, Problem> = {
  busy: "cameraBusy",
  permissionDenied: "cameraDenied",
  notFound: "cameraMissing",
  disconnected: "cameraLost",
};
const MICROPHONE: Record<string, Problem> = {
  busy: "microphoneBusy",
  permissionDenied: "microphoneDenied",
  notFound: "microphoneMissing",
};
