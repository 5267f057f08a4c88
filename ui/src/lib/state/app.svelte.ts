/**
 * The page's mirror of what the backend says, and nothing else: the latest snapshot, levels, devices, settings. Actions go
 * to the backend; what they did comes back as the next snapshot. Purely visual state lives with the components.
 */
import { getContext, setContext } from "svelte";

import {
  isUiError,
  type AppInfo,
  type AppSettings,
  type Appearance,
  type Backend,
  type CallView,
  type ChatView,
  type DeviceInfo,
  type DeviceKind,
  type FilesView,
  type Levels,
  type Moderation,
  type Notification,
  type Reaction,
  type RoomBackend,
  type BesideBackend,
  type TextView,
  type UiErrorCode,
  type VideoTransport,
} from "../backend";
import { isAsked } from "../files";
import { setLanguage } from "../i18n.svelte";
import { isMac, keyLabel, type Choice, type Shortcut } from "../keys";
import { m } from "../paraglide/messages";
import { Knock } from "../knock";
import { applyTheme } from "../theme";
import { videoMode, type VideoSource } from "../video/source";
import type { Stage } from "../video/stage";
import { CallHistory } from "./history.svelte";
import { Meetings } from "./meetings.svelte";
import { Ring } from "./ring.svelte";
import { Toasts } from "./toasts.svelte";

export class App {
  view: CallView;
  levels = $state.raw<Levels>({ microphone: 0, participants: [] });
  devices: DeviceInfo[];
  settings: AppSettings;
  /** Where the tiles' pictures come from now. */
  video: VideoSource;
  /** When `view` arrived, on the page's clock: the elapsed time goes on from there. */
  viewAt = $state(0);
  fullScreen = $state(false);
  /** The window is small and above all others. */
  small = $state(false);
  /** From the small window just now. */
  cameBack = false;
  /** Why the last link was refused. */
  linkError = $state<UiErrorCode | null>(null);
  /** An action that the backend has not answered yet. */
  busy = $state(false);
  #keeping: Promise<void> = Promise.resolve();
  readonly #knock = new Knock();
  /** Keys are being chosen: they mean nothing meanwhile. */
  choosingKeys = false;
  /** A test sound was played since the start. */
  speakerTested = $state(false);
  dialog = $state<"settings" | "help" | "leave" | "plan" | null>(null);
  /** `null`: none are kept here. */
  readonly meetings: Meetings | null;
  /** `null`: nobody can be called here. */
  readonly ring: Ring | null;
  settingsTab = $state("devices");
  peopleOpen = $state(false);
  chatOpen = $state(false);
  /** What is being written; it outlasts a panel that closes. */
  chatDraft = $state("");
  chat = $state.raw<ChatView>({ messages: [] });
  files = $state.raw<FilesView>({ files: [], maxSize: 0 });
  /** Real-time text. */
  text = $state.raw<TextView>({ on: false, lines: [] });
  /** Who the next chat message is for; `null`: everybody. */
  chatTo = $state<string | null>(null);
  /** Large for me, `"me"` being my own picture. */
  pinned = $state<string | null>(null);
  /** Whom the host is asked about before they are put out. */
  removing = $state<string | null>(null);
  /** With whom the safety words are compared. */
  comparing = $state<string | null>(null);
  readonly toasts = new Toasts();
  readonly history = new CallHistory();
  readonly mac: boolean;

  constructor(
    readonly backend: Backend,
    readonly info: AppInfo,
    readonly stage: Stage,
  ) {
    this.view = $state.raw(info.view);
    this.devices = $state.raw(info.devices);
    this.settings = $state.raw(info.settings);
    this.video = $state.raw(backend.video(info.video));
    document.documentElement.dataset.video = videoMode(info.video);
    this.mac = isMac(info.platform);
    this.small = info.smallWindow;
    this.callChanged(info.view);
    this.linkError = info.linkError;
    this.meetings = backend.meetings ? new Meetings(backend.meetings) : null;
    this.ring = backend.ring ? new Ring(backend.ring, (code) => this.toasts.error(code)) : null;
    this.applyAppearance();
  }

  get me() {
    return this.view.me;
  }

  /** What can be done in a room; `null` where the backend knows none or the server has told nothing yet. */
  get rooms() {
    return this.view.room ? this.backend.rooms : null;
  }

  /** What can be given to others beside sound and picture; `null` where there is no room. */
  get beside() {
    return this.view.room ? this.backend.beside : null;
  }

  /** Keys that the user chose. */
  get shortcuts(): readonly Choice[] {
    return this.settings.controls.shortcuts;
  }

  /** How the keys of a shortcut are written. */
  keys(shortcut: Shortcut): string {
    return keyLabel(shortcut, this.mac, m.key_space(), this.shortcuts);
  }

  /** What waits behind the button of the chat: messages, and files that want an answer. */
  get unread(): number {
    return (this.view.unread ?? 0) + this.files.files.filter(isAsked).length;
  }

  get appearance(): Appearance {
    return this.settings.appearance;
  }

  callChanged(view: CallView): void {
    this.view = view;
    this.viewAt = performance.now();
    this.history.follow(view, new Date(), !this.settings.call.private);
    if (view.phase !== "home") this.linkError = null;
    if (view.phase !== "inCall") {
      this.peopleOpen = this.chatOpen = false;
      this.pinned = this.removing = this.chatTo = this.comparing = null;
      if (view.phase !== "ended") this.chat = { messages: [] };
      this.chatDraft = "";
      this.text = { on: false, lines: [] };
      if (this.small) void this.setSmallWindow(false);
    }
    const here = (id: string) => id === "me" || view.participants.some((each) => each.id === id);
    if (this.pinned !== null && !here(this.pinned)) this.pinned = null;
    if (this.comparing !== null && !here(this.comparing)) this.comparing = null;
    if (this.chatTo !== null && !here(this.chatTo)) this.chatTo = null;
    if (this.removing !== null && !here(this.removing)) this.removing = null;
  }

  notified(notification: Notification): void {
    if (notification.type === "waiting" && this.settings.controls.knockSound) this.#knock.sound();
    // Whoever reads the chat needs no word of it.
    if (notification.type !== "chat" || !this.chatOpen) this.toasts.notify(notification);
  }

  videoChanged(transport: VideoTransport): void {
    const next = this.backend.video(transport);
    if (next !== this.video) this.video.close();
    this.video = next;
    document.documentElement.dataset.video = videoMode(transport);
    this.stage.again();
  }

  applyAppearance(): void {
    setLanguage(this.appearance.language, this.info.locale);
    applyTheme(this.appearance);
  }

  // What the user does.

  startCall = () => this.#perform(() => this.backend.newCall());
  join = () => this.#perform(() => this.backend.join());
  leave = () => this.#perform(() => this.backend.leave());
  home = () => this.#perform(() => this.backend.home());
  rejoin = () => this.#perform(() => this.backend.rejoin());
  retry = (kind: DeviceKind) => this.#perform(() => this.backend.retryDevice(kind));

  async openInvite(link: string): Promise<void> {
    this.linkError = null;
    await this.#perform(
      () => this.backend.openInvite(link),
      (code) => (this.linkError = code),
    );
  }

  async openMeeting(id: string): Promise<void> {
    const { meetings } = this.backend;
    if (meetings) await this.#perform(() => meetings.open(id));
  }

  async saveMeeting(id: string): Promise<void> {
    const { meetings } = this.backend;
    if (!meetings) return;
    await this.#quietly(async () => this.toasts.show(m.toast_meeting_saved({ name: await meetings.save(id) })));
  }

  toggle(kind: "microphone" | "camera"): Promise<void> {
    const capture = this.me[kind];
    if (capture.wanted && capture.state === "failed") return this.retry(kind);
    return this.setCapture(kind, !capture.wanted);
  }

  setCapture(kind: "microphone" | "camera", on: boolean): Promise<void> {
    return this.#perform(() => (kind === "camera" ? this.backend.setCamera(on) : this.backend.setMicrophone(on)));
  }

  moderate = (action: Moderation) => this.#inRoom((rooms) => rooms.moderate(action));
  setHand = (up: boolean) => this.#inRoom((rooms) => rooms.setHand(up));
  react = (reaction: Reaction) => this.#inRoom((rooms) => rooms.react(reaction));
  sendChat = (text: string, replyTo: number | null) =>
    this.#inRoom((rooms) => rooms.sendChat(text, this.chatTo, replyTo));
  retryChat = (key: number) => this.#inRoom((rooms) => rooms.retryChat(key));
  readChat = () => this.#inRoom((rooms) => rooms.readChat());
  dismissAsk = () => this.#inRoom((rooms) => rooms.dismissAsk());
  reactToMessage = (id: number, reaction: Reaction, on: boolean) =>
    this.#inRoom((rooms) => rooms.reactToMessage(id, reaction, on));
  sendFile = () => this.#give((beside) => beside.sendFile(this.chatTo));
  acceptFile = (key: number) => this.#give((beside) => beside.acceptFile(key));
  declineFile = (key: number) => this.#give((beside) => beside.declineFile(key));
  cancelFile = (key: number) => this.#give((beside) => beside.cancelFile(key));
  setTextOn = (on: boolean) => this.#give((beside) => beside.setTextOn(on));
  setTextLine = (text: string) => this.#give((beside) => beside.setTextLine(text));
  endTextLine = () => this.#give((beside) => beside.endTextLine());
  setPasscode = (passcode: string) => this.#quietly(() => this.backend.setPasscode(passcode));

  /** Opens the words beside the picture. */
  compare(who: string): void {
    this.comparing = who;
    if (narrow()) this.peopleOpen = this.chatOpen = false;
  }

  async compareWords(who: string, same: boolean): Promise<void> {
    this.comparing = null;
    await this.#quietly(() => this.backend.compareWords(who, same));
  }

  async forgetContacts(): Promise<void> {
    await this.#quietly(() => this.backend.forgetContacts());
    this.toasts.say(m.forgotten());
  }

  togglePeople(): void {
    this.peopleOpen = !this.peopleOpen;
    if (this.peopleOpen && narrow()) this.chatOpen = false;
  }

  toggleChat(): void {
    if (!this.rooms) return;
    this.chatOpen = !this.chatOpen;
    if (this.chatOpen && narrow()) this.peopleOpen = false;
  }

  /** A host is asked whether to end the call for all. */
  async askToLeave(): Promise<void> {
    if (!this.view.room?.isHost || this.view.participants.length === 0) return this.leave();
    if (this.small) await this.setSmallWindow(false);
    this.dialog = "leave";
  }

  /** Opens the chat for a message to one person. */
  writeTo(who: string): void {
    this.chatTo = who;
    if (!this.chatOpen) this.toggleChat();
  }

  selectDevice = (kind: DeviceKind, id: string | null) => this.#keep(() => this.backend.selectDevice(kind, id));
  setName = (name: string) => this.#keep(() => this.backend.setName(name));
  saveSettings = (settings: AppSettings) => this.#keep(() => this.backend.saveSettings(settings));

  setAppearance(change: Partial<Appearance>): Promise<void> {
    return this.saveSettings({ ...this.settings, appearance: { ...this.appearance, ...change } });
  }

  setControls(change: Partial<AppSettings["controls"]>): Promise<void> {
    return this.saveSettings({ ...this.settings, controls: { ...this.settings.controls, ...change } });
  }

  nextArrangement(): void {
    const all = ["auto", "grid", "speaker"] as const;
    const next = all[(all.indexOf(this.appearance.arrangement) + 1) % all.length] ?? "auto";
    void this.setAppearance({ arrangement: next });
  }

  async testSound(): Promise<void> {
    await this.#perform(() => this.backend.playTestSound());
    this.speakerTested = true;
  }

  async setFullScreen(on: boolean): Promise<void> {
    await this.#perform(() => this.backend.setFullscreen(on));
    this.fullScreen = on;
  }

  async setSmallWindow(on: boolean): Promise<void> {
    const { setSmallWindow } = this.backend;
    if (!setSmallWindow) return;
    await this.#quietly(() => setSmallWindow(on));
  }

  /** Where there is no field for a link, in words that pass. */
  linkRefused(code: UiErrorCode): void {
    if (this.view.phase === "home") this.linkError = code;
    else this.toasts.error(code);
  }

  smallWindowChanged(small: boolean): void {
    this.cameBack = this.small && !small;
    this.small = small;
    if (small) this.dialog = null;
  }

  openSettings(tab = "devices"): void {
    this.settingsTab = tab;
    this.dialog = "settings";
  }

  /**
   * The settings are what the backend says it has kept. It makes no button busy: the press that leaves a field is the
   * press on the next button, whose action then waits until the change is kept.
   */
  #keep(change: () => Promise<AppSettings>): Promise<void> {
    const before = this.#keeping;
    this.#keeping = (async () => {
      await before;
      try {
        this.settings = await change();
        this.applyAppearance();
      } catch (error) {
        this.toasts.error(isUiError(error) ? error.code : "internal");
      }
    })();
    return this.#keeping;
  }

  async #inRoom(action: (rooms: RoomBackend) => Promise<void>): Promise<void> {
    const { rooms } = this.backend;
    if (rooms) await this.#quietly(() => action(rooms));
  }

  async #give(action: (beside: BesideBackend) => Promise<void>): Promise<void> {
    const { beside } = this.backend;
    if (beside) await this.#quietly(() => action(beside));
  }

  /** Small things that make no button busy: their answer shows in the next snapshot. */
  async #quietly(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.toasts.error(isUiError(error) ? error.code : "internal");
    }
  }

  async #perform(action: () => Promise<void>, onError = (code: UiErrorCode) => this.toasts.error(code)): Promise<void> {
    this.busy = true;
    try {
      await this.#keeping;
      await action();
    } catch (error) {
      onError(isUiError(error) ? error.code : "internal");
    } finally {
      this.busy = false;
    }
  }
}

/** One panel covers the stage. */
const narrow = (): boolean => matchMedia("(max-width: 759px)").matches;

const KEY = Symbol("app");
export const provideApp = (app: App): App => setContext(KEY, app);
export const useApp = (): App => getContext<App>(KEY);
