import { describe, expect, it } from "vitest";

import type { DeviceInfo } from "../../src/lib/backend";
import { choices } from "../../src/lib/devices";

const DEVICES: DeviceInfo[] = [
  { kind: "camera", id: "a", name: "Brio", isDefault: true },
  { kind: "camera", id: "b", name: "Internal", isDefault: false },
  { kind: "speaker", id: "s", name: "Jabra", isDefault: true },
];
const chosen = (wanted: string | null, inUse: string | null) =>
  choices("camera", DEVICES, wanted, inUse).find((choice) => choice.chosen);

describe("choices", () => {
  it("offers the system's choice and each device of the kind", () => {
    expect(choices("camera", DEVICES, null, null).map(({ id }) => id)).toEqual([null, "a", "b"]);
    expect(choices("microphone", DEVICES, null, null)).toEqual([]);
  });

  it("marks what the settings say", () => {
    expect(chosen("b", "b")?.id).toBe("b");
    expect(chosen(null, "a")).toMatchObject({ id: null, device: "Brio" });
  });

  it("tells the truth while the wanted device is away", () => {
    expect(chosen("gone", "b")?.id).toBe("b");
    expect(chosen("gone", null)?.id).toBeNull();
  });
});
