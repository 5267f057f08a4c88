/** The one seam between the page and what runs the call. `tauri`: the app; `web`: a guest's browser; `fake`: tests. */
import type * as app from "./bindings";
import type {
  AppSettings,
  DeviceInfo,
  DeviceKind,
  KeyPlace,
  Layout,
  Levels,
  Notification,
  Planned,
  RingView,
  TileStats,
  UiError,
  UiErrorCode,
} from "./bindings";
import type { BesideBackend, CallOfRoom, ChatLines, FilesView, PersonOfRoom, RoomBackend, TextView } from "./rooms";
import type { RingBackend } from "./ring";
import type { VideoSource } from "../video/source";

export type * from "./bindings";
export type * from "./ring";
export type * from "./rooms";
export type { FileEnd, FilesView, FileView } from "./rooms";

// A guest's browser and the states of the tests may leave out what they know nothing of.
export type InviteView = Omit<app.InviteView, "passcode"> & { passcode?: boolean };
export type MeView = Omit<app.MeView, keyof PersonOfRoom> & Partial<PersonOfRoom>;
/** Whose key somebody has; the states of the tests may leave it out, which is `unknown`. */
type Known = "trust" | "lasting" | "words" | "savedAs" | "saved";
export type ParticipantView = Omit<app.ParticipantView, keyof PersonOfRoom | Known> &
  Partial<PersonOfRoom & Pick<app.ParticipantView, Known>>;
export type CallView = Omit<app.CallView, "invite" | "me" | "participants" | keyof CallOfRoom> & {
  invite: InviteView | null;
  me: MeView;
  participants: ParticipantView[];
} & Partial<CallOfRoom>;
export type ChatView = ChatLines;
/** `element`: each tile plays a stream of the browser. */
export type VideoTransport = app.VideoTransport | { kind: "element" };
export type AppInfo = Omit<app.AppInfo, "view" | "video" | "chat" | "files" | "text"> & {
  view: CallView;
  video: VideoTransport;
};

/** State and happenings that come without being asked for. */
export interface Events {
  callChanged(view: CallView): void;
  levelsChanged(levels: Levels): void;
  devicesChanged(devices: DeviceInfo[]): void;
  notified(notification: Notification): void;
  chatChanged(chat: ChatView): void;
  filesChanged(files: FilesView): void;
  textChanged(text: TextView): void;
  /** Pictures reach the tiles another way from now on. */
  videoChanged(transport: VideoTransport): void;
  /** The window has become small or big, also by its own close button. */
  smallWindowChanged(small: boolean): void;
  /** Why a link that came from outside leads nowhere. */
  linkRefused(code: UiErrorCode): void;
  ringChanged(view: RingView): void;
}

/** Meetings of a later day. Each call rejects with a `UiError` and answers with those that are to come. */
export interface MeetingsBackend {
  list(): Promise<Planned[]>;
  /** `start`: seconds since 1970. */
  plan(title: string, start: number, minutes: number, waitingRoom: boolean): Promise<Planned[]>;
  /** `file`: the text of a calendar file; `zone`: the time zone of times that name none. */
  import(file: string, zone: string): Promise<Planned[]>;
  forget(id: string): Promise<Planned[]>;
  /** To its lobby. */
  open(id: string): Promise<void>;
  /** As a calendar file; answers with its name among the downloads. */
  save(id: string): Promise<string>;
}

/** Each call rejects with a `UiError`. What it did shows in the next `callChanged`. */
export interface Backend {
  start(events: Events): Promise<AppInfo>;
  /** Where our key is: known when its keychain has answered. */
  keyPlace(): Promise<KeyPlace>;
  /** Where the tiles' pictures come from. The same answer as before means that nothing has to be attached again. */
  video(transport: VideoTransport): VideoSource;
  newCall(): Promise<void>;
  openInvite(link: string): Promise<void>;
  /** In the lobby, where the link asks for one. */
  setPasscode(passcode: string): Promise<void>;
  join(): Promise<void>;
  leave(): Promise<void>;
  home(): Promise<void>;
  rejoin(): Promise<void>;
  setMicrophone(on: boolean): Promise<void>;
  setCamera(on: boolean): Promise<void>;
  /** `null`: the system's default. */
  selectDevice(kind: DeviceKind, id: string | null): Promise<AppSettings>;
  retryDevice(kind: DeviceKind): Promise<void>;
  playTestSound(): Promise<void>;
  /** The user has compared the safety words with this participant. Different: no media to or from them any more. */
  compareWords(id: string, same: boolean): Promise<void>;
  /** Nobody is remembered as verified any more. */
  forgetContacts(): Promise<void>;
  setName(name: string): Promise<AppSettings>;
  /** Answers with what was kept of them. */
  saveSettings(settings: AppSettings): Promise<AppSettings>;
  setLayout(layout: Layout): Promise<void>;
  surfaceStats(): Promise<TileStats[]>;
  setFullscreen(on: boolean): Promise<void>;
  /** Small and above all other windows, or as before. `null`: this backend has no window of its own. */
  readonly setSmallWindow: ((on: boolean) => Promise<void>) | null;
  /** `null`: this backend keeps no meetings. */
  readonly meetings: MeetingsBackend | null;
  /** `null`: this backend knows no rooms. */
  readonly rooms: RoomBackend | null;
  /** `null`: this backend sends no files and no real-time text. */
  readonly beside: BesideBackend | null;
  /** `null`: nobody can be called here, because our key does not last. */
  readonly ring: RingBackend | null;
}

export function isUiError(error: unknown): error is UiError {
  return typeof error === "object" && error !== null && "code" in error && "message" in error;
}

export async function connectBackend(): Promise<Backend> {
  if (__FAKE__) return (await import("./fake")).fakeBackend(new URLSearchParams(location.search));
  if (__WEB__) return (await import("./web")).webBackend();
  return (await import("./tauri")).tauriBackend();
}
