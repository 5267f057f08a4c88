/** What is said of a file. */
import type { FileView } from "./backend";
import { byteSize } from "./format";
import { m } from "./paraglide/messages";

/** It waits for an answer of ours. */
export const isAsked = ({ incoming, state }: FileView): boolean => incoming && state === "offered";

/** It can still be stopped. */
export const isLive = ({ state }: FileView): boolean => !["done", "declined", "ended"].includes(state);

/** Bytes are on their way, or will be. */
export const hasBegun = ({ state }: FileView): boolean =>
  ["queued", "moving", "interrupted", "checking"].includes(state);

export function fileWords(file: FileView, maxSize: number): string {
  const name = file.person || m.someone();
  const { incoming, size, done } = file;
  switch (file.state) {
    case "preparing":
      return m.file_preparing();
    case "offered":
      return incoming ? byteSize(size) : `${byteSize(size)}. ${m.file_offered()}`;
    case "queued":
      return m.file_queued();
    case "moving":
      return m.file_moving({ done: byteSize(done), size: byteSize(size) });
    case "interrupted":
      return m.file_interrupted();
    case "checking":
      return m.file_checking();
    case "done":
      if (!incoming) return m.file_arrived();
      return file.savedAs === null || file.savedAs === file.name
        ? m.file_kept()
        : m.file_kept_as({ file: file.savedAs });
    case "declined":
      return incoming ? m.file_declined() : m.file_declined_by({ name });
    case "ended":
      return endWords(file, name, maxSize);
  }
}

function endWords({ end, incoming }: FileView, name: string, maxSize: number): string {
  switch (end) {
    case "cancelled":
      return m.file_cancelled();
    case "tooLarge":
      return incoming ? m.file_too_large({ size: byteSize(maxSize) }) : m.file_too_large_for({ name });
    case "tooMany":
      return m.file_too_many({ name });
    case "diskFull":
      return incoming ? m.file_disk_full() : m.file_disk_full_of({ name });
    case "cannotWrite":
      return incoming ? m.file_cannot_write() : m.file_cannot_write_of({ name });
    case "cannotRead":
      return incoming ? m.file_cannot_read_of({ name }) : m.file_cannot_read();
    case "changed":
      return m.file_changed();
    case "wrongHash":
      return incoming ? m.file_wrong() : m.file_wrong_of();
    case "brokeRules":
      return m.file_broke_rules({ name });
    case "stalled":
      return m.file_stalled();
    case "peerLeft":
      return m.file_peer_left({ name });
    case "noChannel":
      return m.file_no_channel({ name });
    case "unknown":
    case null:
      return m.file_unknown();
  }
}
