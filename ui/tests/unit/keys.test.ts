import { describe, expect, it } from "vitest";

import { nextIndex } from "../../src/lib/focus";
import { choose, keyLabel, parseChord, shortcutOf, SHORTCUTS, withChoice, type KeyPress } from "../../src/lib/keys";

const press = (code: string, change: Partial<KeyPress> = {}): KeyPress => ({
  code,
  key: "",
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...change,
});

describe("shortcutOf", () => {
  it("knows the defaults", () => {
    expect(shortcutOf(press("KeyD", { ctrlKey: true }), false)).toBe("microphone");
    expect(shortcutOf(press("KeyE", { ctrlKey: true }), false)).toBe("camera");
    expect(shortcutOf(press("Space", { ctrlKey: true }), false)).toBe("pushToTalk");
    expect(shortcutOf(press("KeyL", { ctrlKey: true, shiftKey: true }), false)).toBe("leave");
    expect(shortcutOf(press("F6", { shiftKey: true }), false)).toBe("previousRegion");
  });

  it("has none on a single letter", () => {
    for (const code of ["KeyD", "KeyE", "KeyL", "KeyP", "Space", "Slash"])
      expect(shortcutOf(press(code), false)).toBeNull();
  });

  it("keeps AltGr for letters, and takes Shift in place of Alt there", () => {
    expect(shortcutOf(press("KeyE", { ctrlKey: true, altKey: true, key: "€" }), false)).toBeNull();
    const altGr = { ctrlKey: true, altKey: true, getModifierState: (key: string) => key === "AltGraph" };
    expect(shortcutOf(press("KeyC", { ...altGr, key: "ć" }), false)).toBeNull();
    expect(shortcutOf(press("KeyC", { ctrlKey: true, altKey: true }), false)).toBe("chat");
    expect(shortcutOf(press("KeyC", { ctrlKey: true, shiftKey: true }), false)).toBe("chat");
    expect(shortcutOf(press("KeyL", { ctrlKey: true, shiftKey: true }), false)).toBe("leave");
  });

  it("obeys what was chosen", () => {
    const choices = withChoice([], "chat", "Ctrl+KeyB");
    expect(shortcutOf(press("KeyB", { ctrlKey: true }), false, choices)).toBe("chat");
    expect(shortcutOf(press("KeyC", { ctrlKey: true, altKey: true }), false, choices)).toBeNull();
    expect(keyLabel("chat", false, "Space", choices)).toBe("Ctrl B");
    expect(withChoice(choices, "chat", null)).toEqual([]);
    expect(
      shortcutOf(press("KeyB"), false, [{ action: "chat", keys: "KeyB" }]),
      "a bare letter in the file",
    ).toBeNull();
  });

  it("takes the slash of a Swedish keyboard", () => {
    expect(shortcutOf(press("Digit7", { ctrlKey: true, shiftKey: true, key: "/" }), false)).toBe("help");
    expect(shortcutOf(press("Slash", { ctrlKey: true, key: "/" }), false)).toBe("help");
  });

  it("uses ⌘ on macOS and leaves ⌘Space to the system", () => {
    expect(shortcutOf(press("KeyD", { metaKey: true }), true)).toBe("microphone");
    expect(shortcutOf(press("KeyD", { ctrlKey: true }), true)).toBeNull();
    expect(shortcutOf(press("Space", { metaKey: true }), true)).toBeNull();
    expect(shortcutOf(press("Space", { altKey: true }), true)).toBe("pushToTalk");
  });
});

it("writes the keys", () => {
  expect(keyLabel("microphone", false, "Space")).toBe("Ctrl D");
  expect(keyLabel("leave", false, "Space")).toBe("Ctrl Shift L");
  expect(keyLabel("leave", true, "Space")).toBe("⇧⌘L");
  expect(keyLabel("pushToTalk", false, "Mellanslag")).toBe("Ctrl Mellanslag");
  expect(keyLabel("help", false, "Space")).toBe("Ctrl /");
});

it("roves around the ends", () => {
  expect(nextIndex("ArrowRight", 2, 3)).toBe(0);
  expect(nextIndex("ArrowLeft", 0, 3)).toBe(2);
  expect(nextIndex("Home", 2, 3)).toBe(0);
  expect(nextIndex("End", 0, 3)).toBe(2);
  expect(nextIndex("a", 0, 3)).toBeNull();
});

it("has no two shortcuts on the same keys, and none that types", () => {
  const labels = SHORTCUTS.map((shortcut) => keyLabel(shortcut, false, "Space"));
  expect(new Set(labels).size).toBe(SHORTCUTS.length);
});

describe("choose", () => {
  const pick = (code: string, change: Partial<KeyPress> = {}) =>
    choose(press(code, { key: "x", ...change }), "chat", false, []);
  it("takes keys with a modifier, and refuses what types or is taken", () => {
    expect(pick("KeyB", { ctrlKey: true, shiftKey: true })).toEqual({ type: "keys", keys: "Ctrl+Shift+KeyB" });
    expect(pick("F9")).toEqual({ type: "keys", keys: "F9" });
    expect(pick("KeyB")).toEqual({ type: "refused" });
    expect(pick("KeyB", { shiftKey: true })).toEqual({ type: "refused" });
    expect(pick("Enter", { ctrlKey: true })).toEqual({ type: "refused" });
    expect(pick("KeyE", { ctrlKey: true, altKey: true, getModifierState: () => true })).toEqual({ type: "refused" });
    expect(pick("KeyD", { ctrlKey: true })).toEqual({ type: "taken", by: "microphone" });
    expect(pick("KeyC", { ctrlKey: true, altKey: true })).toEqual({ type: "keys", keys: "Ctrl+Alt+KeyC" });
    expect(pick("ControlLeft", { ctrlKey: true, key: "Control" })).toEqual({ type: "wait" });
  });
  it("reads no nonsense", () => {
    for (const keys of ["", "Ctrl", "KeyA", "Shift+KeyA", "Ctrl+Enter", "Hyper+KeyA", "Ctrl+KeyÅ"])
      expect(parseChord(keys)).toBeNull();
  });
});
