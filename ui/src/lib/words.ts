/** What is known of who somebody is, and the words for it. */
import type { CallView, ParticipantView, Trust } from "./backend";
import { currentLocale } from "./i18n.svelte";
import { m } from "./paraglide/messages";
import { WORDS } from "./protocol/words";

/** In the language of the page; the same meaning in each. */
export function safetyWords(indices: readonly number[] | null): string[] | null {
  const locale = currentLocale();
  return indices && indices.map((index) => WORDS[index]?.[locale] ?? "?");
}

export const trustOf = ({ trust }: ParticipantView): Trust => trust ?? "unknown";

export function trustText(person: ParticipantView): string {
  switch (trustOf(person)) {
    case "unknown":
      return m.trust_unknown();
    case "notVerifiable":
      return m.trust_not_verifiable();
    case "unverified":
      return m.trust_unverified();
    case "verified":
      return person.savedAs ? m.trust_saved_as({ name: person.savedAs }) : m.trust_verified();
    case "changed":
      return m.trust_changed();
    case "differs":
      return m.trust_differs();
    case "refused":
      return m.trust_refused();
  }
}

/** The whole call is as safe as the person of whom least is known. */
export function callTrust(view: CallView): "danger" | "changed" | "notVerifiable" | "unverified" | "verified" {
  const found = view.participants.map(trustOf);
  if (view.problem === "untrusted" || found.includes("refused") || found.includes("differs")) return "danger";
  if (found.includes("changed")) return "changed";
  if (found.includes("notVerifiable")) return "notVerifiable";
  return found.length > 0 && found.every((trust) => trust === "verified") ? "verified" : "unverified";
}
