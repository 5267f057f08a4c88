/** What a guest chose, kept in the browser: name, devices, looks. Nothing of it is a secret, and no link is among it. */
import type { AppSettings } from "../bindings";
import { cleanName, shortened } from "./text";

const KEY = "fika";
/** As the backend of the app cuts it. */
const MAX_NAME = 60;

const DEFAULTS: AppSettings = {
  call: {
    name: "",
    camera: null,
    microphone: null,
    speaker: null,
    privacy: "automatic",
    private: false,
    server: null,
    reachable: false,
    nearby: false,
    strangersMayRing: true,
    presence: false,
  },
  appearance: {
    theme: "system",
    contrast: "system",
    language: "system",
    mirrorSelf: true,
    selfViewCorner: "bottomRight",
    selfViewHidden: false,
    arrangement: "auto",
    drawInPage: false,
  },
  controls: { shortcuts: [], knockSound: true, ringSound: true },
};

export function load(): AppSettings {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "null");
    return merged(kept);
  } catch {
    return DEFAULTS;
  }
}

/** Takes over the values that have the kind of the default; who changed the file gets the defaults for the rest. */
export function merged(kept: unknown): AppSettings {
  const part = <Part extends object>(defaults: Part, name: string): Part => {
    const found = object(kept) ? kept[name] : null;
    if (!object(found)) return defaults;
    const entries = Object.entries(defaults).map(([key, value]) => {
      const other = found[key];
      const fits = value === null ? other === null || typeof other === "string" : typeof other === typeof value;
      return [key, fits ? other : value];
    });
    return Object.fromEntries(entries) as Part;
  };
  const { shortcuts, ...sounds } = part(DEFAULTS.controls, "controls");
  return {
    call: part(DEFAULTS.call, "call"),
    appearance: part(DEFAULTS.appearance, "appearance"),
    controls: { shortcuts: choices(shortcuts), ...sounds },
  };
}

/** Answers with what was kept. Without storage it holds until the page is closed. */
export function save(settings: AppSettings): AppSettings {
  const name = shortened(cleanName(settings.call.name), MAX_NAME);
  const kept = { ...settings, call: { ...settings.call, name } };
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    return kept;
  }
  return kept;
}

const object = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

function choices(kept: unknown): AppSettings["controls"]["shortcuts"] {
  if (!Array.isArray(kept)) return [];
  const fits = (each: unknown): each is { action: string; keys: string } =>
    object(each) && typeof each.action === "string" && typeof each.keys === "string";
  return kept.filter(fits).map(({ action, keys }) => ({ action, keys }));
}
