import { describe, expect, it } from "vitest";

import { nextIndex } from "../../src/lib/focus";
import { keyLabel, shortcutOf, type KeyPress } from "../../src/lib/keys";

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

  it("keeps AltGr for letters", () => {
    expect(shortcutOf(press("KeyE", { ctrlKey: true, altKey: true, key: "€" }), false)).toBeNull();
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
