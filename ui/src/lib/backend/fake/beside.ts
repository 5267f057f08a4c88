/** Scripted files and real-time text: one file in each state, and Noor who writes. */
import type { BesideBackend, FilesView, FileView, TextView } from "..";

type Control = {
  files(files: FilesView): void;
  text(text: TextView): void;
  called(name: string, ...values: unknown[]): void;
};

const GIB = 1024 ** 3;
const file = (key: number, name: string, change: Partial<FileView>): FileView => ({
  ...{ key, with: "amir", person: "Amir Rahimi", incoming: true, name, size: 4_200_000, mediaType: "" },
  ...{ state: "offered", done: 0, savedAs: null, end: null },
  ...change,
});

const FILES: FileView[] = [
  file(1, "icons-final.zip", {}),
  file(2, "Årsredovisning 2026.pdf", { state: "moving", done: 1_700_000 }),
  file(3, "clip.mp4", { incoming: false, state: "interrupted", done: 900_000, size: 310_000_000 }),
  file(4, "notes.txt", { state: "done", done: 4_200_000, savedAs: "notes (2).txt" }),
  file(5, "backup.tar.gz", { state: "ended", end: "wrongHash" }),
  file(6, "film.mov", { incoming: false, state: "ended", end: "tooLarge", size: 9 * GIB }),
];

const TEXT: TextView = {
  on: false,
  lines: [
    { key: 1, from: "noor", name: "Noor Abdi", mine: false, text: "I can hear you well now.", done: true },
    { key: 2, from: "me", name: "Elin Lindqvist", mine: true, text: "Good! Shall we begin?", done: true },
    { key: 3, from: "noor", name: "Noor Abdi", mine: false, text: "Yes, let me just find the", done: false },
  ],
};

export class FakeBeside implements BesideBackend {
  #files: FileView[] = [];
  #text: TextView = { on: false, lines: [] };

  constructor(private readonly control: Control) {}

  showFiles(): void {
    this.#set(FILES);
  }

  showText(): void {
    this.#tell({ ...TEXT, on: true });
  }

  async sendFile(to: string | null): Promise<void> {
    this.control.called("sendFile", to);
    const key = this.#files.length + 1;
    this.#set([...this.#files, file(key, "picked.png", { incoming: false, state: "offered" })]);
  }

  async acceptFile(key: number): Promise<void> {
    this.control.called("acceptFile", key);
    this.#change(key, { state: "moving", done: 0 });
  }

  async declineFile(key: number): Promise<void> {
    this.control.called("declineFile", key);
    this.#change(key, { state: "declined" });
  }

  async cancelFile(key: number): Promise<void> {
    this.control.called("cancelFile", key);
    this.#change(key, { state: "ended", end: "cancelled" });
  }

  async setTextOn(on: boolean): Promise<void> {
    this.control.called("setTextOn", on);
    this.#tell({ ...this.#text, on });
  }

  async setTextLine(text: string): Promise<void> {
    this.control.called("setTextLine", text);
    const others = this.#text.lines.filter(({ mine, done }) => !mine || done);
    const mine = { key: 50 + others.length, from: "me", name: "Elin Lindqvist", mine: true, text, done: false };
    this.#tell({ ...this.#text, lines: text === "" ? others : [...others, mine] });
  }

  async endTextLine(): Promise<void> {
    this.control.called("endTextLine");
    this.#tell({ ...this.#text, lines: this.#text.lines.map((each) => (each.mine ? { ...each, done: true } : each)) });
  }

  #change(key: number, change: Partial<FileView>): void {
    this.#set(this.#files.map((each) => (each.key === key ? { ...each, ...change } : each)));
  }

  #set(files: FileView[]): void {
    this.#files = files;
    this.control.files({ files, maxSize: 2 * GIB });
  }

  #tell(text: TextView): void {
    this.#text = text;
    this.control.text(text);
  }
}
