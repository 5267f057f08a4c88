/**
 * A scripted backend without devices or network: `?state=` names the first snapshot (`states.ts`), `theme`, `contrast`, `lang`
 * and `name` the settings, `video` a WebSocket to take pictures from instead of the portraits, `no-start` fails at once. From there
 * on the page can be used. `window.fika` lets tests send events and read calls.
 */
import type { AppSettings, Backend, CallView, CaptureView, Events, Layout, Notification, UiErrorCode } from "..";
import { AMIR, CALL, DEVICES, HOME, INVITE, LOBBY, off, on, STATES, type StateName } from "./states";
import { webSocketVideo } from "../../video/websocket";
import { FakeVideo } from "./video";

/** What tests reach on `window`. */
export type FakeControl = {
  calls: string[];
  layouts: Layout[];
  view(change: Partial<CallView>): void;
  show(state: StateName): void;
  notify(notification: Notification): void;
};
declare global {
  interface Window {
    fika?: FakeControl;
  }
}

const MICROPHONE_LEVELS = [52, 61, 58, 40, 33, 47, 66, 61];

export function fakeBackend(query: URLSearchParams): Backend {
  const state = (query.get("state") ?? "home") as StateName;
  let view: CallView = STATES[state] ?? HOME;
  let events: Events | undefined;
  let kept = settings(query);
  const socket = query.get("video");
  const video = new FakeVideo();
  const control: FakeControl = {
    calls: [],
    layouts: [],
    view: (change) => set({ ...view, ...change }),
    show: (name) => set(STATES[name]),
    notify: (notification) => events?.notified(notification),
  };
  window.fika = control;

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
      let step = 0;
      setInterval(() => {
        const level = view.me.microphone.state === "on" ? MICROPHONE_LEVELS[step++ % MICROPHONE_LEVELS.length] : 0;
        events?.levelsChanged({ microphone: level ?? 0, participants: [] });
      }, 100);
      return {
        version: "0.1.0",
        platform: query.get("platform") ?? "linux",
        locale: query.get("locale") ?? "en-GB",
        video: { kind: "websocket", url: "" },
        linkError: null,
        settings: kept,
        view,
        devices: state === "lobby-nothing" || query.has("no-devices") ? [] : DEVICES,
      };
    },
    video: () => (socket === null ? video : webSocketVideo(socket)),
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
      return (kept = next);
    },
    setLayout: async (layout) => {
      control.layouts.push(layout);
      video.setLayout(layout);
    },
    surfaceStats: async () => [],
    setFullscreen: async (wanted) => void called("setFullscreen", wanted),
  };
}

function settings(query: URLSearchParams): AppSettings {
  return {
    call: {
      name: query.get("name") ?? "Elin Lindqvist",
      camera: null,
      microphone: null,
      speaker: null,
      privacy: "automatic",
      server: null,
    },
    appearance: {
      theme: (query.get("theme") ?? "system") as AppSettings["appearance"]["theme"],
      contrast: (query.get("contrast") ?? "system") as AppSettings["appearance"]["contrast"],
      language: (query.get("lang") ?? "system") as AppSettings["appearance"]["language"],
      mirrorSelf: true,
      selfViewCorner: "bottomRight",
      selfViewHidden: false,
    },
  };
}
