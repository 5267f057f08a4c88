/** The reactions in the order in which they are offered, as they look and as they are called. */
import type { Reaction } from "./backend";
import { m } from "./paraglide/messages";

export const EMOJI: Record<Reaction, string> = {
  thumbsUp: "👍",
  heart: "❤️",
  clap: "👏",
  laugh: "😂",
  surprised: "😮",
  sad: "😢",
  celebrate: "🎉",
  thinking: "🤔",
  coffee: "☕",
};
export const REACTIONS = Object.keys(EMOJI) as Reaction[];

export function reactionName(reaction: Reaction): string {
  return {
    thumbsUp: m.reaction_thumbs_up,
    heart: m.reaction_heart,
    clap: m.reaction_clap,
    laugh: m.reaction_laugh,
    surprised: m.reaction_surprised,
    sad: m.reaction_sad,
    celebrate: m.reaction_celebrate,
    thinking: m.reaction_thinking,
    coffee: m.reaction_coffee,
  }[reaction]();
}
