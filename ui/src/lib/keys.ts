/** The shortcuts: which keys mean what, how they are written, and what may be chosen in place of the defaults. */

/** In the order in which they are listed. */
export const SHORTCUTS = [
  ...(["microphone", "camera", "pushToTalk", "hand", "chat", "people", "view", "whoSpeaks"] as const),
  ...(["react1", "react2", "react3", "react4", "react5", "react6", "react7", "react8", "react9"] as const),
  ...(["fullScreen", "leave", "nextRegion", "previousRegion", "help"] as const),
] as const;
export type Shortcut = (typeof SHORTCUTS)[number];

/** `ctrl` is ⌘ on macOS. Letters by place on the keyboard, so that they work in each layout. */
export type Chord = { code: string; ctrl: boolean; alt: boolean; shift: boolean };
/** What the user chose, as it is kept: "Ctrl+Alt+KeyC". */
export type Choice = { action: string; keys: string };
/** What is read of a `KeyboardEvent`. */
export type KeyPress = Pick<KeyboardEvent, "code" | "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey"> &
  Partial<Pick<KeyboardEvent, "getModifierState">>;

const DEFAULTS: Record<Shortcut, string> = {
  microphone: "Ctrl+KeyD",
  camera: "Ctrl+KeyE",
  pushToTalk: "Ctrl+Space",
  hand: "Ctrl+Alt+KeyH",
  chat: "Ctrl+Alt+KeyC",
  people: "Ctrl+Alt+KeyP",
  view: "Ctrl+Alt+KeyW",
  whoSpeaks: "Ctrl+Alt+KeyA",
  react1: "Ctrl+Alt+Digit1",
  react2: "Ctrl+Alt+Digit2",
  react3: "Ctrl+Alt+Digit3",
  react4: "Ctrl+Alt+Digit4",
  react5: "Ctrl+Alt+Digit5",
  react6: "Ctrl+Alt+Digit6",
  react7: "Ctrl+Alt+Digit7",
  react8: "Ctrl+Alt+Digit8",
  react9: "Ctrl+Alt+Digit9",
  fullScreen: "F11",
  leave: "Ctrl+Shift+KeyL",
  nextRegion: "F6",
  previousRegion: "Shift+F6",
  help: "Ctrl+Slash",
};
/** ⌘Space and Ctrl Space belong to the system there. */
const MAC_PUSH_TO_TALK = "Alt+Space";

const MODIFIER = /^(Control|Alt|Shift|Meta|OS|CapsLock|Fn|AltGraph)/;
/** What may be chosen: keys with a place of their own. */
const KEY =
  /^(Key[A-Z]|Digit[0-9]|F([1-9]|1[0-9]|2[0-4])|Space|Slash|Comma|Period|Minus|Equal|Semicolon|Quote|Backslash|Bracket(Left|Right)|Arrow(Left|Right|Up|Down)|Home|End|Page(Up|Down))$/;

export function isMac(platform: string): boolean {
  return platform.toLowerCase().startsWith("mac");
}

/** `null`: no keys that may mean something. */
export function parseChord(keys: string): Chord | null {
  const parts = keys.split("+");
  const code = parts.pop() ?? "";
  const known = parts.every((part) => ["Ctrl", "Alt", "Shift"].includes(part));
  const chord = { code, ctrl: parts.includes("Ctrl"), alt: parts.includes("Alt"), shift: parts.includes("Shift") };
  return known && isAllowed(chord) ? chord : null;
}

/** Never a bare letter (WCAG 2.1.4): what is no function key has Ctrl or Alt with it. */
function isAllowed({ code, ctrl, alt }: Chord): boolean {
  return KEY.test(code) && (ctrl || alt || /^F\d/.test(code));
}

export function chordText({ code, ctrl, alt, shift }: Chord): string {
  return [ctrl && "Ctrl", alt && "Alt", shift && "Shift", code].filter(Boolean).join("+");
}

export function chordOf(shortcut: Shortcut, mac: boolean, choices: readonly Choice[] = []): Chord {
  const chosen = parseChord(choices.find(({ action }) => action === shortcut)?.keys ?? "");
  if (chosen) return chosen;
  const keys = mac && shortcut === "pushToTalk" ? MAC_PUSH_TO_TALK : DEFAULTS[shortcut];
  return parseChord(keys) ?? { code: "", ctrl: false, alt: false, shift: false };
}

/** The third level of the keyboard, which types letters: under Windows it looks like Ctrl and Alt. */
function typesALetter(event: KeyPress): boolean {
  return event.getModifierState?.("AltGraph") ?? false;
}

const pressed = (event: KeyPress, mac: boolean): Chord => ({
  code: event.code,
  ctrl: mac ? event.metaKey : event.ctrlKey,
  alt: event.altKey,
  shift: event.shiftKey,
});

const same = (a: Chord, b: Chord): boolean => chordText(a) === chordText(b);

export function shortcutOf(event: KeyPress, mac: boolean, choices: readonly Choice[] = []): Shortcut | null {
  const keys = pressed(event, mac);
  if (typesALetter(event) || (mac ? event.ctrlKey : event.metaKey)) return null;
  const found = SHORTCUTS.find((shortcut) => same(keys, chordOf(shortcut, mac, choices)));
  if (found) return found;
  // The slash is a shifted digit on many keyboards (Swedish: Shift 7), so there the sign counts and not the place.
  const help = chordOf("help", mac, choices);
  if (help.code === "Slash" && event.key === "/" && keys.ctrl === help.ctrl && keys.alt === help.alt) return "help";
  // Where Ctrl and Alt with this key type a letter, Shift stands for Alt, unless that means something else.
  if (keys.shift && !keys.alt && keys.ctrl) {
    const fallback = { ...keys, shift: false, alt: true };
    return SHORTCUTS.find((shortcut) => same(fallback, chordOf(shortcut, mac, choices))) ?? null;
  }
  return null;
}

export type Chosen =
  /** A modifier alone: more is to come. */
  { type: "wait" } | { type: "refused" } | { type: "taken"; by: Shortcut } | { type: "keys"; keys: string };

/** What it means to press these keys for `shortcut`. */
export function choose(event: KeyPress, shortcut: Shortcut, mac: boolean, choices: readonly Choice[]): Chosen {
  if (MODIFIER.test(event.key) || MODIFIER.test(event.code)) return { type: "wait" };
  const keys = pressed(event, mac);
  if (typesALetter(event) || !isAllowed(keys) || (mac ? event.ctrlKey : event.metaKey)) return { type: "refused" };
  const taken = SHORTCUTS.find((other) => other !== shortcut && same(keys, chordOf(other, mac, choices)));
  return taken ? { type: "taken", by: taken } : { type: "keys", keys: chordText(keys) };
}

/** The choices with these keys for `shortcut`; `null`: its default again. */
export function withChoice(choices: readonly Choice[], shortcut: Shortcut, keys: string | null): Choice[] {
  const others = choices.filter(({ action }) => action !== shortcut);
  return keys === null || keys === DEFAULTS[shortcut] ? others : [...others, { action: shortcut, keys }];
}

/** Letting go of any of these ends push to talk. */
export function endsPushToTalk(code: string, talk: Chord = chordOf("pushToTalk", false)): boolean {
  const held = ["ControlLeft", "ControlRight", "AltLeft", "AltRight", "MetaLeft", "MetaRight"];
  return code === talk.code || code === "Space" || held.includes(code);
}

const SIGNS: Record<string, string> = {
  ...{ Slash: "/", Comma: ",", Period: ".", Minus: "-", Equal: "=", Semicolon: ";", Quote: "'", Backslash: "\\" },
  ...{ BracketLeft: "[", BracketRight: "]", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" },
};

/** "Ctrl D", on macOS "⌘D". */
export function keyLabel(shortcut: Shortcut, mac: boolean, space: string, choices: readonly Choice[] = []): string {
  const { code, ctrl, alt, shift } = chordOf(shortcut, mac, choices);
  const key = code === "Space" ? space : (SIGNS[code] ?? code.replace(/^(Key|Digit)/, ""));
  if (mac) return `${alt ? "⌥" : ""}${shift ? "⇧" : ""}${ctrl ? "⌘" : ""}${key}`;
  return [ctrl && "Ctrl", alt && "Alt", shift && "Shift", key].filter(Boolean).join(" ");
}
