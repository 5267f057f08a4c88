/** The small window of a call that comes in: the same page without the app's state, so that it reports no layout and opens no device. */
import { mount } from "svelte";

import type { Backend, Events, RingBackend } from "./lib/backend";
import { setLanguage } from "./lib/i18n.svelte";
import { Ring } from "./lib/state/ring.svelte";
import { applyTheme, watchSystemTheme } from "./lib/theme";
import Ringing from "./screens/Ringing.svelte";

const nothing = () => undefined;

export async function showRinging(backend: Backend, calls: RingBackend, target: HTMLElement): Promise<void> {
  let changed: Events["ringChanged"] = nothing;
  const { settings, locale } = await backend.start({ ...DEAF, ringChanged: (view) => changed(view) });
  const { appearance, controls } = settings;
  setLanguage(appearance.language, locale);
  applyTheme(appearance);
  watchSystemTheme(() => applyTheme(appearance));
  // Asked after listening began, so nothing is missed in between.
  const ring = new Ring(calls);
  changed = (view) => ring.changed(view);
  mount(Ringing, { target, props: { ring, sound: controls.ringSound } });
}

const DEAF: Omit<Events, "ringChanged"> = {
  callChanged: nothing,
  levelsChanged: nothing,
  devicesChanged: nothing,
  notified: nothing,
  chatChanged: nothing,
  filesChanged: nothing,
  textChanged: nothing,
  videoChanged: nothing,
  smallWindowChanged: nothing,
  linkRefused: nothing,
};
