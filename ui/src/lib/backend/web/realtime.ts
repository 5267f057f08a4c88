/**
 * Real-time text with the rules of `call::text` in Rust: what each participant writes, letter by letter (ITU-T T.140 over a
 * data channel, RFC 8865). A line has at most `MAX_LINE` characters, of each participant `MAX_LINES` are remembered.
 */
import type { Notification, TextLine, TextView } from "..";
import type { DataEvent } from "./data";

export const MAX_LINE = 500;
export const MAX_LINES = 40;
export const SEND_MS = 200;
const SHOW_MS = 100;

const BACKSPACE = "\b";
const NEW_LINE = "\u2028";
/** Stands for text that may be missing. */
const MISSING = "\ufffd";
const NO_TEXT = /[\p{Cc}\p{Cs}\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;

export type TextHost = {
  nameOf(id: string): string;
  send(to: string, text: string): void;
  changed(): void;
  notified(notification: Notification): void;
};

type Person = { open: boolean; returned: boolean; announced: boolean };

export class Texts {
  #on = false;
  #people = new Map<string, Person>();
  #lines: TextLine[] = [];
  #nextKey = 0;
  /** What the others have been told of our line, and what waits to be told. */
  #told: string[] = [];
  #waiting = "";
  #sending: ReturnType<typeof setTimeout> | undefined;
  #showing: ReturnType<typeof setTimeout> | undefined;
  #changed = false;

  constructor(private readonly host: TextHost) {}

  take(): TextView | null {
    if (!this.#changed) return null;
    this.#changed = false;
    return { on: this.#on, lines: this.#lines.map((line) => ({ ...line })) };
  }

  setOn(on: boolean): void {
    if (this.#on && !on) this.endLine();
    this.#on = on;
    for (const person of this.#people.values()) person.announced = false;
    this.#change();
  }

  /** The whole of the line that we write, as it is now. */
  setLine(text: string): void {
    if (!this.#on) return;
    const line = Array.from(text)
      .filter((each) => !NO_TEXT.test(each))
      .slice(0, MAX_LINE);
    const before = applied(this.#told, this.#waiting);
    let same = 0;
    while (same < before.length && before[same] === line[same]) same += 1;
    this.#waiting += BACKSPACE.repeat(before.length - same) + line.slice(same).join("");
    this.#setOpen("me", line.join(""));
    if (this.#waiting !== "") this.#sending ??= setTimeout(() => this.#flush(), SEND_MS);
  }

  endLine(): void {
    if (!this.#on || applied(this.#told, this.#waiting).length === 0) return;
    this.#waiting += NEW_LINE;
    this.#flush();
    this.#told = [];
    this.#finish("me");
  }

  on(from: string, event: DataEvent): void {
    const person = this.#people.get(from) ?? { open: false, returned: false, announced: false };
    this.#people.set(from, person);
    switch (event.type) {
      case "open":
        if (person.open) this.#lost(from);
        person.open = true;
        // The line that is being written, whole: they can follow from here.
        if (this.#told.length > 0) this.host.send(from, this.#told.join(""));
        break;
      case "closed":
        person.open = false;
        this.#lost(from);
        break;
      case "text":
        this.#receive(from, person, event.text);
        break;
      case "binary":
        break;
    }
  }

  left(id: string): void {
    this.#finish(id);
    this.#people.delete(id);
  }

  leave(): void {
    clearTimeout(this.#sending);
    this.#sending = undefined;
    this.#people.clear();
    this.#lines = [];
    this.#told = [];
    this.#waiting = "";
    this.#on = false;
    this.#change();
  }

  #flush(): void {
    clearTimeout(this.#sending);
    this.#sending = undefined;
    const text = this.#waiting;
    this.#waiting = "";
    if (text === "") return;
    for (const [id, { open }] of this.#people) if (open) this.host.send(id, text);
    this.#told = applied(this.#told, text);
  }

  #receive(from: string, person: Person, text: string): void {
    let line = Array.from(this.#open(from)?.text ?? "");
    // Written at once before each end of a line, and at the end of what came.
    const write = () => this.#setOpen(from, line.join(""));
    for (const each of text) {
      const { returned } = person;
      person.returned = each === "\r";
      if (each === BACKSPACE) {
        if (line.length > 0) line.pop();
        else {
          write();
          this.#erase(from);
          line = Array.from(this.#open(from)?.text ?? "");
        }
      } else if (each === "\n" && returned) continue;
      else if ("\n\r\u2028\u2029".includes(each)) {
        write();
        this.#finish(from);
        line = [];
      } else if (!NO_TEXT.test(each)) {
        if (line.length >= MAX_LINE) {
          write();
          this.#finish(from);
          line = [];
        }
        line.push(each);
      }
    }
    write();
    if (this.#on || person.announced) return;
    person.announced = true;
    this.host.notified({ type: "realTimeText", name: this.host.nameOf(from) });
  }

  #open(from: string): TextLine | undefined {
    return this.#lines.findLast((line) => line.from === from && !line.done);
  }

  #setOpen(from: string, text: string): void {
    const line = this.#open(from);
    if (line) line.text = text;
    else if (text !== "") {
      if (this.#lines.filter((each) => each.from === from).length >= MAX_LINES) {
        this.#lines.splice(
          this.#lines.findIndex((each) => each.from === from),
          1,
        );
      }
      const [name, mine] = [this.host.nameOf(from), from === "me"];
      this.#lines.push({ key: this.#nextKey++, from, name, mine, text, done: false });
    }
    this.#show();
  }

  #erase(from: string): void {
    const line = this.#open(from);
    if (line && line.text !== "") line.text = Array.from(line.text).slice(0, -1).join("");
    else {
      // The end of the line before is what is erased.
      this.#lines = this.#lines.filter((each) => each.done || each.from !== from);
      const before = this.#lines.findLast((each) => each.from === from);
      if (before) before.done = false;
    }
    this.#show();
  }

  #finish(from: string): void {
    const line = this.#open(from);
    if (!line) return;
    line.done = true;
    this.#lines = this.#lines.filter(({ done, text }) => !done || text !== "");
    this.#show();
  }

  /** The way broke: what was under way may be missing. */
  #lost(from: string): void {
    const line = this.#open(from);
    if (!line) return;
    line.text += MISSING;
    this.#finish(from);
  }

  #show(): void {
    this.#showing ??= setTimeout(() => {
      this.#showing = undefined;
      this.#change();
    }, SHOW_MS);
  }

  #change(): void {
    this.#changed = true;
    this.host.changed();
  }
}

/** What stands there after these characters of T.140, of the line that is being written. */
function applied(line: readonly string[], text: string): string[] {
  let after = [...line];
  for (const each of text) {
    if (each === BACKSPACE) after.pop();
    else if (each === NEW_LINE) after = [];
    else after.push(each);
  }
  return after;
}
