/** Meetings to come, as the backend keeps them: the latest list and what can be done with it. */
import { isUiError, type MeetingsBackend, type Planned, type UiErrorCode } from "../backend";

/** Larger files are no calendar; the backend looks at no more either. */
const MAX_FILE = 512 * 1024;

export type Plan = { title: string; start: Date; minutes: number; waitingRoom: boolean };

export class Meetings {
  list = $state.raw<Planned[]>([]);
  /** Something was asked for and is not answered yet. */
  busy = $state(false);

  constructor(private readonly backend: MeetingsBackend) {
    void this.#change(() => backend.list());
  }

  /** Each of these answers with what went wrong. */
  plan({ title, start, minutes, waitingRoom }: Plan): Promise<UiErrorCode | null> {
    const seconds = Math.floor(start.getTime() / 1000);
    return this.#change(() => this.backend.plan(title, seconds, minutes, waitingRoom));
  }

  async add(file: File): Promise<UiErrorCode | null> {
    if (file.size > MAX_FILE) return "calendarTooLarge";
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    return this.#change(async () => this.backend.import(await file.text(), timeZone));
  }

  forget(id: string): Promise<UiErrorCode | null> {
    return this.#change(() => this.backend.forget(id));
  }

  async #change(change: () => Promise<Planned[]>): Promise<UiErrorCode | null> {
    this.busy = true;
    try {
      this.list = await change();
      return null;
    } catch (error) {
      return isUiError(error) ? error.code : "internal";
    } finally {
      this.busy = false;
    }
  }
}
