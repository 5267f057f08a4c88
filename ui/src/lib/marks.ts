/** What stands in the upper corners of a tile. */
import type { CallView, Reaction, Trust } from "./backend";

export type Marks = {
  /** Place in the line of raised hands, from 1. */
  hand: number | null;
  reaction: Reaction | null;
  /** Large for me. */
  pinned: boolean;
  /** Large for all. */
  forAll: boolean;
  trust: Trust;
};

export const NO_MARKS: Marks = { hand: null, reaction: null, pinned: false, forAll: false, trust: "unknown" };

/** Of a person, `"me"` being us. */
export function marksOf(view: CallView, id: string, pinned: string | null): Marks {
  const other = view.participants.find((each) => each.id === id);
  const person = id === "me" ? view.me : other;
  return {
    hand: person?.hand ?? null,
    reaction: person?.reaction ?? null,
    pinned: pinned === id,
    forAll: view.room?.spotlight === id,
    trust: other?.trust ?? "unknown",
  };
}
