/** What the shortcuts are called. */
import type { Shortcut } from "./keys";
import { m } from "./paraglide/messages";
import { reactionName, REACTIONS } from "./reactions";

export function shortcutName(shortcut: Shortcut): string {
  const reaction = REACTIONS[Number(/^react(\d)$/.exec(shortcut)?.[1] ?? 0) - 1];
  if (reaction) return m.key_react({ reaction: reactionName(reaction) });
  return {
    microphone: m.key_microphone,
    camera: m.key_camera,
    pushToTalk: m.key_push_to_talk,
    hand: m.raise_hand,
    chat: m.chat,
    people: m.key_people,
    view: m.key_view,
    whoSpeaks: m.key_who_speaks,
    fullScreen: m.full_screen,
    leave: m.key_leave,
    nextRegion: m.key_region,
    previousRegion: m.key_region_before,
    help: m.help,
  }[shortcut as Exclude<Shortcut, `react${number}`>]();
}
