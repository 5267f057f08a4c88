/** Short messages at the bottom left, and the two live regions. At most `MAX_TOASTS`; the oldest gives way. */
import type { Notification, UiErrorCode } from "../backend";
import { nameList } from "../format";
import { m } from "../paraglide/messages";
import { errorText } from "../texts";

export const MAX_TOASTS = 2;
export const TOAST_MS = 5000;
/** Arrivals within this time are told in one sentence. */
export const BATCH_MS = 3000;

export type Toast = { id: number; text: string; person: string | null };

export class Toasts {
  shown = $state<Toast[]>([]);
  polite = $state("");
  assertive = $state("");
  #nextId = 0;
  #joined: string[] = [];
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>();

  notify(notification: Notification): void {
    switch (notification.type) {
      case "joined":
        this.show(m.toast_joined({ name: notification.name || m.someone() }), notification.name, false);
        this.#announceJoined(notification.name || m.someone());
        break;
      case "left":
        this.show(m.toast_left({ name: notification.name || m.someone() }), notification.name);
        break;
      case "deviceReplaced":
        this.show(m.toast_device({ name: notification.name }));
        break;
      case "reconnected":
        this.show(m.toast_reconnected());
        break;
      case "waiting":
        this.show(m.toast_waiting({ name: notification.name || m.someone() }), notification.name);
        break;
      case "admitted":
        this.say(m.toast_admitted());
        break;
      case "muted":
        this.#told(m.toast_muted({ name: notification.by || m.the_host() }));
        break;
      case "cameraStopped":
        this.#told(m.toast_camera_stopped({ name: notification.by || m.the_host() }));
        break;
      case "roleChanged":
        this.show(
          { host: m.toast_now_host, coHost: m.toast_now_co_host, participant: m.toast_no_co_host }[notification.role](),
        );
        break;
      case "handRaised":
        this.say(m.toast_hand({ name: notification.name || m.someone() }));
        break;
      case "chat":
        this.show(
          (notification.private ? m.toast_chat_private : m.toast_chat)({ name: notification.name || m.someone() }),
          notification.name,
        );
        break;
      case "fileOffered":
        this.show(m.toast_file({ name: notification.name || m.someone(), file: notification.file }), notification.name);
        break;
      case "fileSaved":
        this.show(m.toast_file_saved({ file: notification.file }));
        break;
      case "realTimeText":
        this.show(m.toast_rtt({ name: notification.name || m.someone() }), notification.name);
        break;
      case "linkIgnored":
        this.show(m.toast_link_ignored());
        break;
      case "notDone":
        this.show(m.toast_not_done());
        break;
    }
  }

  error(code: UiErrorCode): void {
    this.show(errorText(code));
  }

  show(text: string, person: string | null = null, announce = true): void {
    const toast = { id: this.#nextId++, text, person };
    this.shown = [...this.shown, toast].slice(-MAX_TOASTS);
    if (announce) this.say(text);
    this.resume(toast.id);
  }

  dismiss(id: number): void {
    this.pause(id);
    this.shown = this.shown.filter((toast) => toast.id !== id);
  }

  /** While the pointer or the focus is on it. */
  pause(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  resume(id: number): void {
    this.pause(id);
    this.#timers.set(
      id,
      setTimeout(() => this.dismiss(id), TOAST_MS),
    );
  }

  /** When the reader has time. */
  say(text: string): void {
    this.polite = text;
  }

  /** At once. */
  alert(text: string): void {
    this.assertive = text;
  }

  /** What a host did to me is told at once. */
  #told(text: string): void {
    this.show(text, null, false);
    this.alert(text);
  }

  #announceJoined(name: string): void {
    if (this.#joined.length === 0) {
      setTimeout(() => {
        this.say(m.toast_joined({ name: nameList(this.#joined) }));
        this.#joined = [];
      }, BATCH_MS);
    }
    this.#joined.push(name);
  }
}
