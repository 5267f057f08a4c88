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
  type DeviceInfo,
  type DeviceKind,
  type Levels,
  type UiErrorCode,
  type VideoTransport,
} from "../backend";
import { setLanguage } from "../i18n.svelte";
import { isMac } from "../keys";
import { applyTheme } from "../theme";
import { videoMode, type VideoSource } from "../video/source";
import type { Stage } from "../video/stage";
import { CallHistory } from "./history.svelte";
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
  /** Why the last link was refused. */
  linkError = $state<UiErrorCode | null>(null);
  /** An action that the backend has not answered yet. */
  busy = $state(false);
  #keeping: Promise<void> = Promise.resolve();
  /** A test sound was played since the start. */
  speakerTested = $state(false);
  dialog = $state<"settings" | "help" | "leave" | null>(null);
  settingsTab = $state("devices");
  peopleOpen = $state(false);
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
    this.callChanged(info.view);
    this.linkError = info.linkError;
    this.applyAppearance();
  }

  get me() {
    return this.view.me;
  }

  get appearance(): Appearance {
    return this.settings.appearance;
  }

  callChanged(view: CallView): void {
    this.view = view;
    this.viewAt = performance.now();
    this.history.follow(view, new Date());
    if (view.phase !== "home") this.linkError = null;
    if (view.phase !== "inCall") this.peopleOpen = false;
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

  toggle(kind: "microphone" | "camera"): Promise<void> {
    const capture = this.me[kind];
    if (capture.wanted && capture.state === "failed") return this.retry(kind);
    return this.setCapture(kind, !capture.wanted);
  }

  setCapture(kind: "microphone" | "camera", on: boolean): Promise<void> {
    return this.#perform(() => (kind === "camera" ? this.backend.setCamera(on) : this.backend.setMicrophone(on)));
  }

  selectDevice = (kind: DeviceKind, id: string | null) => this.#keep(() => this.backend.selectDevice(kind, id));
  setName = (name: string) => this.#keep(() => this.backend.setName(name));
  saveSettings = (settings: AppSettings) => this.#keep(() => this.backend.saveSettings(settings));

  setAppearance(change: Partial<Appearance>): Promise<void> {
    return this.saveSettings({ ...this.settings, appearance: { ...this.appearance, ...change } });
  }

  async testSound(): Promise<void> {
    await this.#perform(() => this.backend.playTestSound());
    this.speakerTested = true;
  }

  async setFullScreen(on: boolean): Promise<void> {
    await this.#perform(() => this.backend.setFullscreen(on));
    this.fullScreen = on;
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

const KEY = Symbol("app");
export const provideApp = (app: App): App => setContext(KEY, app);
export const useApp = (): App => getContext<App>(KEY);
