/** Whom the person at this page has verified, or found to differ; for as long as the page is open, as `call::machine::trust`. */
import type { Trust } from "..";
import type { PeerIdentity } from "./identity";
import type { PeerState } from "./peer";

type Known = { name: string; key: string };
export type Shown = { name: string; state: PeerState; identity: PeerIdentity | null };

export class Trusted {
  #known: Known[] = [];
  #refused = new Set<string>();

  of({ name, state, identity }: Shown): Trust {
    if (state === "cut") return "differs";
    if (state === "untrusted") return "refused";
    if (identity === null) return "unknown";
    if (this.#known.some(({ key }) => key === identity.key)) return "verified";
    // A remembered name with another key: another device of theirs, or somebody who takes their name.
    if (this.#known.some((known) => same(known.name, name))) return "changed";
    return identity.key === null ? "notVerifiable" : "unverified";
  }

  /** The name that they had when they were verified, if it is another one now. */
  savedAs({ name, identity }: Shown): string | null {
    const known = this.#known.find(({ key }) => key === identity?.key);
    return known && !same(known.name, name) ? known.name : null;
  }

  verified(name: string, key: string): void {
    this.#known = [...this.#known.filter((known) => known.key !== key), { name, key }];
  }

  differs(key: string | null): void {
    if (key === null) return;
    this.#refused.add(key);
    this.#known = this.#known.filter((known) => known.key !== key);
  }

  isRefused(key: string | null): boolean {
    return key !== null && this.#refused.has(key);
  }

  forget(): void {
    this.#known = [];
  }
}

const same = (a: string, b: string) => a !== "" && a.toLowerCase() === b.toLowerCase();
