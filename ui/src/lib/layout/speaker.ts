/** Who is shown large because they speak. Told the time; nobody gives way within `HOLD_MS`, so that a cough moves nothing. */

export const HOLD_MS = 2000;

export class Speaker {
  #current: string | null = null;
  #since = -Infinity;

  /** With each snapshot. Answers with who is large: the first one when nobody has spoken yet, `null` with nobody there. */
  follow(people: readonly { id: string; speaking: boolean }[], now: number): string | null {
    const here = people.find(({ id }) => id === this.#current);
    const speaking = people.find((person) => person.speaking);
    if (!here) this.#set(speaking?.id ?? people[0]?.id ?? null, now);
    else if (!here.speaking && speaking && now - this.#since >= HOLD_MS) this.#set(speaking.id, now);
    return this.#current;
  }

  #set(id: string | null, now: number): void {
    this.#current = id;
    this.#since = id === null ? -Infinity : now;
  }
}
