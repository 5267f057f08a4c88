/** Calls that ring: who can be called, who calls, and who did while nobody answered. The part of the seam that only the app has. */

import type { RingView } from "./bindings";

/** Each call rejects with a `UiError`. What it did shows in the next `ringChanged`. */
export interface RingBackend {
  view(): Promise<RingView>;
  /** Opens a room, joins it and rings. */
  call(key: string, video: boolean): Promise<void>;
  /** Takes the outgoing ring back and leaves the call; also dismisses its outcome. */
  cancel(): Promise<void>;
  answer(call: string): Promise<void>;
  /** `message`: at most 200 characters. */
  decline(call: string, message: string | null): Promise<void>;
  /** Somebody in the call becomes a contact. */
  save(participant: string, name: string): Promise<void>;
  rename(key: string, name: string): Promise<void>;
  forget(key: string): Promise<void>;
  clearMissed(): Promise<void>;
}
