/** Calls that ring, as the backend tells them: the latest view and what can be done about it. */
import {
  isUiError,
  type ContactView,
  type ParticipantView,
  type RingBackend,
  type RingView,
  type UiErrorCode,
} from "../backend";

/** As the backend cuts them. */
export const MAX_NAME = 60;
export const MAX_MESSAGE = 200;

/** Who gets the name under which they are kept: somebody in the call, or a contact who has one. */
export type Naming = { participant: string; name: string } | { key: string; name: string };

export class Ring {
  view = $state.raw<RingView>({
    reach: "off",
    nearby: "off",
    incoming: null,
    outgoing: null,
    missed: [],
    contacts: [],
  });
  /** An action that the backend has not answered yet. */
  busy = $state(false);
  /** What went wrong with the last one. */
  problem = $state<UiErrorCode | null>(null);
  naming = $state<Naming | null>(null);
  /** Whom the user is asked about before they are a contact no more. */
  forgetting = $state<ContactView | null>(null);
  /** Who became a contact in this call, for a backend that does not tell it of participants. */
  #saved = $state.raw<readonly string[]>([]);
  #changed = false;

  constructor(
    private readonly backend: RingBackend,
    private readonly failed: (code: UiErrorCode) => void = () => undefined,
  ) {
    void this.#act(async () => {
      const view = await backend.view();
      // What came meanwhile is newer.
      if (!this.#changed) this.view = view;
    });
  }

  get contacts(): ContactView[] {
    return this.view.contacts;
  }

  changed(view: RingView): void {
    this.#changed = true;
    this.view = view;
  }

  /** With a key that lasts, and nothing speaks against it: whoever has the name of another is not offered to be kept. */
  canSave(person: ParticipantView): boolean {
    const sure = person.trust === "unverified" || person.trust === "verified";
    return sure && person.lasting === true && !(person.saved ?? this.#saved.includes(person.id));
  }

  call = (key: string, video: boolean) => this.#perform(() => this.backend.call(key, video));
  answer = (call: string) => this.#perform(() => this.backend.answer(call));
  // These end what may still be under way.
  cancel = () => this.#act(() => this.backend.cancel());
  decline = (call: string, message: string | null = null) => this.#act(() => this.backend.decline(call, message));
  forget = (key: string) => this.#act(() => this.backend.forget(key));
  clearMissed = () => this.#act(() => this.backend.clearMissed());

  /** Answers whether it was kept. */
  async keepName(naming: Naming, name: string): Promise<boolean> {
    if ("key" in naming) return this.#act(() => this.backend.rename(naming.key, name));
    const kept = await this.#act(() => this.backend.save(naming.participant, name));
    if (kept) this.#saved = [...this.#saved, naming.participant];
    return kept;
  }

  async #perform(action: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    await this.#act(action);
    this.busy = false;
  }

  async #act(action: () => Promise<void>): Promise<boolean> {
    this.problem = null;
    try {
      await action();
      return true;
    } catch (error) {
      this.problem = isUiError(error) ? error.code : "internal";
      this.failed(this.problem);
      return false;
    }
  }
}
