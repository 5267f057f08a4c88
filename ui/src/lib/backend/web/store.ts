/**
 * Where a file that is received is kept until it is whole: the browser's private file system, so that no more of it than a
 * few pieces is in memory; where there is none, memory with a lower limit. Whole, it goes where the browser keeps downloads,
 * under a name that nothing has there. Nothing is opened.
 */
import type { FileEnd } from "..";

/** As the app. */
const MAX_SIZE = 2 * 1024 * 1024 * 1024;
const MAX_IN_MEMORY = 256 * 1024 * 1024;
const FOLDER = "received";
/** What a page that was closed has left behind is deleted after this. */
const OLD_MS = 24 * 60 * 60 * 1000;
/** How long a browser may take to copy what it saves. */
const KEPT_MS = 60_000;

export interface Sink {
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Into the downloads. */
  save(name: string): Promise<void>;
  abandon(): void;
}

function hasFiles(): boolean {
  return (
    typeof navigator !== "undefined" &&
    typeof navigator.storage?.getDirectory === "function" &&
    typeof FileSystemFileHandle !== "undefined" &&
    "createWritable" in FileSystemFileHandle.prototype
  );
}

export const maxSize = (): number => (hasFiles() ? MAX_SIZE : MAX_IN_MEMORY);

/** Rejects with a `FileEnd`. */
export async function openSink(size: number): Promise<Sink> {
  if (!hasFiles()) return inMemory();
  const { quota = 0, usage = 0 } = await navigator.storage.estimate().catch((): StorageEstimate => ({}));
  if (quota > 0 && quota - usage < size) throw "diskFull" satisfies FileEnd;
  try {
    return await onDisk();
  } catch {
    // Private windows of some browsers have the functions and no place.
    if (size > MAX_IN_MEMORY) throw "cannotWrite" satisfies FileEnd;
    return inMemory();
  }
}

async function onDisk(): Promise<Sink> {
  const root = await navigator.storage.getDirectory();
  const folder = await root.getDirectoryHandle(FOLDER, { create: true });
  await forgetOld(folder);
  const own = `${Date.now()}-${crypto.randomUUID()}`;
  const handle = await folder.getFileHandle(own, { create: true });
  const stream = await handle.createWritable();
  const remove = () => void folder.removeEntry(own).catch(() => undefined);
  return {
    write: (bytes) => stream.write(bytes),
    save: async (name) => {
      await stream.close();
      download(await handle.getFile(), name, remove);
    },
    abandon: () => void stream.abort().then(remove, remove),
  };
}

async function forgetOld(folder: FileSystemDirectoryHandle): Promise<void> {
  for await (const name of folder.keys()) {
    const at = Number(name.split("-")[0]);
    if (!(Date.now() - at < OLD_MS)) await folder.removeEntry(name).catch(() => undefined);
  }
}

function inMemory(): Sink {
  let pieces: Uint8Array<ArrayBuffer>[] = [];
  return {
    write: async (bytes) => void pieces.push(bytes),
    save: async (name) => download(new Blob(pieces), name, () => (pieces = [])),
    abandon: () => (pieces = []),
  };
}

function download(content: Blob, name: string, done: () => void): void {
  // Without a type the browser has nothing to show it with.
  const url = URL.createObjectURL(new Blob([content], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(url);
    done();
  }, KEPT_MS);
}
