/** How much of a video a tile wants, in the steps of the protocol, and what that means for our own encoder. */
import type { VideoWant } from "../../protocol/signal";

const FULL: VideoWant = { lines: 65535, frameRate: 255 };
export const NOTHING: VideoWant = { lines: 0, frameRate: 0 };
/** A picture may be stretched to this, in per cent, before the next larger one is wanted. */
const STRETCH_PERCENT = 115;
const STEPS: VideoWant[] = [
  { lines: 180, frameRate: 15 },
  { lines: 360, frameRate: 30 },
  { lines: 540, frameRate: 30 },
  { lines: 720, frameRate: 60 },
  { lines: 1080, frameRate: 60 },
];

/** Of a tile in device pixels that a landscape picture fills. */
export function wantOfTile(width: number, height: number): VideoWant {
  if (width <= 0 || height <= 0) return NOTHING;
  const lines = Math.max(Math.ceil(height), Math.floor((Math.ceil(width) * 9) / 16));
  return STEPS.find((step) => step.lines * STRETCH_PERCENT >= lines * 100) ?? FULL;
}

export function isFull({ lines, frameRate }: VideoWant): boolean {
  return lines >= FULL.lines && frameRate >= FULL.frameRate;
}

/** For the encoder of a peer: whether it is sent pictures, how much smaller than the camera's, and how many a second. */
export function encodingFor(want: VideoWant | null, cameraLines: number) {
  if (want === null) return { active: true, scaleResolutionDownBy: 1, maxFramerate: 30 };
  const active = want.lines > 0 && want.frameRate > 0;
  const scale = active && cameraLines > want.lines ? cameraLines / want.lines : 1;
  return { active, scaleResolutionDownBy: scale, maxFramerate: Math.min(30, Math.max(1, want.frameRate)) };
}
