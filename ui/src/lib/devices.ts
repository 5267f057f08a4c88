/** The entries of a device picker. */
import type { DeviceInfo, DeviceKind } from "./backend";
import { m } from "./paraglide/messages";

/** `device`: the name of what is used when this is chosen. */
export type Choice = { value: string; id: string | null; name: string; chosen: boolean; device: string };

/** Stands for "no id" in lists that need a text. */
const DEFAULT = "default";

/**
 * The system's own choice first, then each device. `wanted` is what the settings say; while that one is away, the device
 * `inUse` is shown as chosen, because it is the truth. Empty without devices.
 */
export function choices(
  kind: DeviceKind,
  devices: DeviceInfo[],
  wanted: string | null,
  inUse: string | null,
): Choice[] {
  const ours = devices.filter((device) => device.kind === kind);
  if (ours.length === 0) return [];
  const there = (id: string | null) => id !== null && ours.some((device) => device.id === id);
  const chosen = there(wanted) ? wanted : wanted !== null && there(inUse) ? inUse : null;
  const standard = ours.find((device) => device.isDefault);
  const name = standard ? m.default_device({ name: standard.name }) : m.default_device_unknown();
  return [
    { value: DEFAULT, id: null, name, chosen: chosen === null, device: standard?.name ?? name },
    ...ours.map((device) => ({
      value: device.id,
      id: device.id,
      name: device.name,
      chosen: device.id === chosen,
      device: device.name,
    })),
  ];
}
