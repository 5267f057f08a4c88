/** The shortcuts: which keys mean what, and how they are written. */

export type Shortcut =
  | "microphone"
  | "camera"
  | "pushToTalk"
  | "leave"
  | "people"
  | "chat"
  | "hand"
  | "fullScreen"
  | "help"
  | "nextRegion"
  | "previousRegion";

type Chord = { code: string; ctrl?: boolean; alt?: boolean; shift?: boolean };
/** What is read of a `KeyboardEvent`. */
export type KeyPress = Pick<KeyboardEvent, "code" | "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">;

/** `ctrl` is ⌘ on macOS. Letters by place on the keyboard, so that they work in each layout. */
const CHORDS: Record<Shortcut, Chord> = {
  microphone: { code: "KeyD", ctrl: true },
  camera: { code: "KeyE", ctrl: true },
  pushToTalk: { code: "Space", ctrl: true },
  leave: { code: "KeyL", ctrl: true, shift: true },
  people: { code: "KeyP", ctrl: true, alt: true },
  chat: { code: "KeyC", ctrl: true, alt: true },
  hand: { code: "KeyH", ctrl: true, alt: true },
  fullScreen: { code: "F11" },
  help: { code: "Slash", ctrl: true },
  nextRegion: { code: "F6" },
  previousRegion: { code: "F6", shift: true },
};
/** ⌘Space and Ctrl Space belong to the system there. */
const MAC_PUSH_TO_TALK: Chord = { code: "Space", alt: true };

export function isMac(platform: string): boolean {
  return platform.toLowerCase().startsWith("mac");
}

function chord(shortcut: Shortcut, mac: boolean): Chord {
  return mac && shortcut === "pushToTalk" ? MAC_PUSH_TO_TALK : CHORDS[shortcut];
}

export function shortcutOf(event: KeyPress, mac: boolean): Shortcut | null {
  const ctrl = mac ? event.metaKey : event.ctrlKey;
  for (const shortcut of Object.keys(CHORDS) as Shortcut[]) {
    const keys = chord(shortcut, mac);
    if (ctrl !== !!keys.ctrl || event.altKey !== !!keys.alt) continue;
    // The slash is a shifted digit on many keyboards (Swedish: Shift 7), so there the sign counts and not the place.
    if (shortcut === "help" && event.key === "/") return shortcut;
    if (event.code === keys.code && event.shiftKey === !!keys.shift) return shortcut;
  }
  return null;
}

/** Letting go of any of these ends push to talk. */
export function endsPushToTalk(code: string): boolean {
  return ["Space", "ControlLeft", "ControlRight", "AltLeft", "AltRight"].includes(code);
}

/** "Ctrl D", on macOS "⌘D". */
export function keyLabel(shortcut: Shortcut, mac: boolean, space: string): string {
  const { code, ctrl, alt, shift } = chord(shortcut, mac);
  const key = code === "Space" ? space : code === "Slash" ? "/" : code.replace(/^Key/, "");
  if (mac) return `${alt ? "⌥" : ""}${shift ? "⇧" : ""}${ctrl ? "⌘" : ""}${key}`;
  return [ctrl && "Ctrl", alt && "Alt", shift && "Shift", key].filter(Boolean).join(" ");
}
