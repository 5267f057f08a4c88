/** Why a call is over, in the words of the page. */
import type { EndReason } from "..";

const END = new Map<string, EndReason>([
  ["roomNotFound", "roomNotFound"],
  ["roomFull", "roomFull"],
  ["tooManyRequests", "tooManyRequests"],
  ["version", "version"],
  ["badMessage", "protocol"],
  ["unreachable", "serverUnreachable"],
  ["denied", "denied"],
  ["removed", "removed"],
  ["ended", "endedByHost"],
]);

/** `reason`: a refusal of the server, or what its connection says. */
export const endOf = (reason: string): EndReason => END.get(reason) ?? "protocol";
