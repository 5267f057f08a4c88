/**
 * A scripted backend without devices or network: `?state=` names the first snapshot (`states.ts`), `theme`, `contrast`, `lang`
 * and `name` the settings, `no-start` fails at once. `video` is how pictures reach the tiles: `cut` and `blend` as painted by
 * the window, the URL of a WebSocket, else portraits drawn on canvases; with `quiet` nobody speaks; with `meetings` some
 * are to come; `server` is the meeting server of the settings; with `small` the window is small;
 * with `files` there are files in each state, with `rtt` somebody writes in real time. `ring` names who can be called and who
 * calls (`ring.ts`), with `reachable` others may ring, with `nearby` on the network, with `presence` contacts see it, with `no-ring-sound` nobody hears it.
 * From there on the page can be used.
 * `window.fika` lets tests send events and read calls.
 */
import type {
  AppSettings,
  Backend,
  CallView,
  CaptureView,
  Events,
  Layout,
  Levels,
  Notification,
  UiErrorCode,
  VideoTransport,
} from "..";
import { FakeBeside } from "./beside";
import { FakeMeetings, MEETINGS } from "./meetings";
import { FakeRing, type RingName } from "./ring";
import { CHAT, FakeRooms } from "./rooms";
import { AMIR, CALL, DEVICES, DIFFERS, HOME, INVITE, LOBBY, off, on, STATES, VERIFIED, type StateName } from "./states";
import { NativeVideo } from "../../video/native";
import { webSocketVideo } from "../../video/websocket";
import { FakeWindow } from "./window";
import { FakeVideo } from "./video";

/** What tests reach on `window`. */
export type FakeControl = {
  calls: string[];
  layouts: Layout[];
  current(): CallView;
  view(change: Partial<CallView>): void;
  show(state: StateName): void;
  notify(notification: Notification): void;
  levels(levels: Levels): void;
  /** As `?video=`. */
  video(name: string): void;
  /** As `?ring=`. */
  ring(name: RingName): void;
};
declare global {
  interface Window {
    fika?: FakeControl;
  }
}

const QUIET = 4;
const MICROPHONE_LEVELS = [52, 61, 58, 40, 33, 47, 66, 61];

export function fakeBackend(query: URLSearchParams): Backend {
  const state = (query.get("state") ?? "home") as StateName;
  let view: CallView = STATES[state] ?? HOME;
  let events: Events | undefined;
  let kept = settings(query);
  let transport = videoTransport(query.get("video"));
  const canvases = new FakeVideo();
  const native = new NativeVideo();
  const painter = new FakeWindow((tiles) => native.picturesChanged(tiles));
  const control: FakeControl = {
    calls: [],
    layouts: [],
    current: () => view,
    view: (change) => set({ ...view, ...change }),
    show: (name) => set(STATES[name]),
    notify: (notification) => events?.notified(notification),
    levels: (levels) => events?.levelsChanged(levels),
    video: (name) => events?.videoChanged((transport = videoTransport(name))),
    ring: (name) => ring.show(name),
  };
  window.fika = control;
  const rooms = new FakeRooms(
    {
      view: () => view,
      set: (change) => set({ ...view, ...change }),
      tell: (chat) => events?.chatChanged(chat),
      called: (name, ...values) => called(name, ...values),
    },
    CHAT,
  );

  const beside = new FakeBeside({
    files: (files) => events?.filesChanged(files),
    text: (text) => events?.textChanged(text),
    called: (name, ...values) => called(name, ...values),
  });

  const ring = new FakeRing((query.get("ring") ?? "nobody") as RingName, {
    call: () => view,
    set: (change) => set({ ...view, ...change }),
    show: (name) => set({ ...STATES[name], me: { ...STATES[name].me, name: view.me.name } }),
    tell: (rings) => events?.ringChanged(rings),
    called: (name, ...values) => called(name, ...values),
  });

  function set(next: CallView): void {
    view = next;
    events?.callChanged(view);
  }
  function capture(kind: "microphone" | "camera", next: CaptureView): void {
    const device = DEVICES.find((each) => each.kind === kind && each.isDefault);
    const named = next.state === "on" ? { ...next, deviceId: device?.id ?? null } : next;
    set({ ...view, me: { ...view.me, [kind]: named } });
  }
  const called = (name: string, ...values: unknown[]) => control.calls.push([name, ...values].join(" "));
  const refuse = (code: UiErrorCode): Promise<never> => Promise.reject({ code, message: code });

  return {
    start: async (listener) => {
      if (query.has("no-start")) return refuse("internal");
      events = listener;
      rooms.tell();
      if (query.has("files")) beside.showFiles();
      if (query.has("rtt")) beside.showText();
      let step = 0;
      setInterval(() => {
        const heard = query.has("quiet") ? QUIET : MICROPHONE_LEVELS[step++ % MICROPHONE_LEVELS.length];
        const level = view.me.microphone.state === "on" ? heard : 0;
        events?.levelsChanged({ microphone: level ?? 0, participants: [] });
      }, 100);
      return {
        version: "0.1.0",
        platform: query.get("platform") ?? "linux",
        locale: query.get("locale") ?? "en-GB",
        video: transport,
        linkError: null,
        smallWindow: query.has("small"),
        settings: kept,
        view,
        devices: state === "lobby-nothing" || query.has("no-devices") ? [] : DEVICES,
      };
    },
    keyPlace: async () => (query.has("no-keychain") ? "memory" : "keychain"),
    video: (transport) => {
      if (transport.kind !== "websocket") return native;
      return transport.url === "" ? canvases : webSocketVideo(transport.url);
    },
    newCall: async () => {
      called("newCall");
      set({ ...LOBBY, invite: INVITE });
    },
    openInvite: async (link) => {
      called("openInvite", link);
      if (!link.startsWith("http")) return refuse("notALink");
      if (!link.includes("#")) return refuse("incomplete");
      if (link.includes("typo")) return refuse("typo");
      set({ ...LOBBY, invite: { ...INVITE, link, mine: false } });
    },
    join: async () => {
      called("join");
      const mine = view.invite?.mine ?? false;
      const { me, invite } = view;
      set({ ...view, phase: "joining", connection: "connecting" });
      setTimeout(() => set(mine ? { ...STATES.alone, me, invite } : { ...CALL, me, invite, connectedForMs: 0 }), 300);
    },
    leave: async () => {
      called("leave");
      set({ ...HOME, phase: "ended", invite: view.invite, end: "left" });
    },
    home: async () => {
      called("home");
      set(HOME);
    },
    rejoin: async () => {
      called("rejoin");
      set({ ...CALL, invite: view.invite, participants: [AMIR] });
    },
    setMicrophone: async (wanted) => {
      called("setMicrophone", wanted);
      capture("microphone", wanted ? on : off);
    },
    setCamera: async (wanted) => {
      called("setCamera", wanted);
      capture("camera", wanted ? on : off);
    },
    selectDevice: async (kind, id) => {
      called("selectDevice", kind, id);
      if (kind === "camera" && view.me.camera.wanted) capture("camera", on);
      return (kept = { ...kept, call: { ...kept.call, [kind]: id } });
    },
    retryDevice: async (kind) => {
      called("retryDevice", kind);
      if (kind !== "speaker") capture(kind, on);
      set({ ...view, problem: null });
    },
    playTestSound: async () => void called("playTestSound"),
    setName: async (name) => {
      called("setName", name);
      set({ ...view, me: { ...view.me, name } });
      return (kept = { ...kept, call: { ...kept.call, name } });
    },
    saveSettings: async (next) => {
      called("saveSettings");
      ring.nearby(next.call.nearby);
      ring.presence(next.call.presence);
      return (kept = next);
    },
    setLayout: async (layout) => {
      control.layouts.push(layout);
      canvases.setLayout(layout);
      painter.setLayout(layout, transport);
    },
    compareWords: async (id, same) => {
      called("compareWords", id, same);
      const participants = view.participants.map((person) =>
        person.id === id ? { ...person, ...(same ? VERIFIED : DIFFERS) } : person,
      );
      set({ ...view, participants, problem: same ? null : "wordsDiffer" });
    },
    forgetContacts: async () => void called("forgetContacts"),
    surfaceStats: async () => [],
    setPasscode: async (passcode) => void called("setPasscode", passcode),
    setFullscreen: async (wanted) => void called("setFullscreen", wanted),
    setSmallWindow: async (wanted) => {
      called("setSmallWindow", wanted);
      events?.smallWindowChanged(wanted);
    },
    meetings: new FakeMeetings(
      query.has("meetings") ? MEETINGS() : [],
      () => kept.call.server,
      (link, mine) => set({ ...LOBBY, invite: { ...INVITE, link, mine } }),
      called,
    ),
    rooms,
    beside,
    ring,
  };
}

function videoTransport(name: string | null): VideoTransport {
  if (name === "cut" || name === "blend") return { kind: "native", blend: name === "blend" };
  return { kind: "websocket", url: name ?? "" };
}

function settings(query: URLSearchParams): AppSettings {
  return {
    call: {
      name: query.get("name") ?? "Elin Lindqvist",
      camera: null,
      microphone: null,
      speaker: null,
      privacy: "automatic",
      private: query.has("private"),
      server: query.get("server"),
      reachable: query.has("reachable"),
      nearby: query.has("nearby"),
      strangersMayRing: true,
      presence: query.has("presence"),
    },
    appearance: {
      theme: (query.get("theme") ?? "system") as AppSettings["appearance"]["theme"],
      contrast: (query.get("contrast") ?? "system") as AppSettings["appearance"]["contrast"],
      language: (query.get("lang") ?? "system") as AppSettings["appearance"]["language"],
      mirrorSelf: true,
      selfViewCorner: "bottomRight",
      selfViewHidden: false,
      arrangement: (query.get("arrangement") ?? "auto") as AppSettings["appearance"]["arrangement"],
      drawInPage: false,
    },
    controls: { shortcuts: [], knockSound: true, ringSound: !query.has("no-ring-sound") },
  };
}
