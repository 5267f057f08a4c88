import "@fontsource-variable/figtree/wght.css";
import "./styles/index.css";

import { mount } from "svelte";

import AppShell from "./App.svelte";
import { connectBackend, type Events } from "./lib/backend";
import { lackOfBrowser } from "./lib/browser";
import { setLanguage } from "./lib/i18n.svelte";
import { m } from "./lib/paraglide/messages";
import { App } from "./lib/state/app.svelte";
import { watchSystemTheme } from "./lib/theme";
import { createStage } from "./lib/video/stage";
import OpenInApp from "./screens/OpenInApp.svelte";

/** Nothing is shown before the first snapshot; what arrives before it is kept and applied after it. */
async function main(): Promise<void> {
  const target = document.getElementById("app");
  const lack = __WEB__ ? lackOfBrowser() : null;
  if (target && lack) {
    setLanguage("system", navigator.language);
    mount(OpenInApp, { target, props: { lack } });
    return;
  }
  const letters = __WEB__ ? undefined : ownLetters();
  const backend = await connectBackend();
  if (!__WEB__ && target && backend.ring && new URLSearchParams(location.search).has("ringing")) {
    const { showRinging } = await import("./ringing");
    await letters;
    await showRinging(backend, backend.ring, target);
    return;
  }
  const early: ((app: App) => void)[] = [];
  let deliver = (change: (app: App) => void): void => void early.push(change);
  const events: Events = {
    callChanged: (view) => deliver((app) => app.callChanged(view)),
    levelsChanged: (levels) => deliver((app) => void (app.levels = levels)),
    devicesChanged: (devices) => deliver((app) => void (app.devices = devices)),
    notified: (notification) => deliver((app) => app.notified(notification)),
    chatChanged: (chat) => deliver((app) => void (app.chat = chat)),
    filesChanged: (files) => deliver((app) => void (app.files = files)),
    textChanged: (text) => deliver((app) => void (app.text = text)),
    linkRefused: (code) => deliver((app) => app.linkRefused(code)),
    smallWindowChanged: (small) => deliver((app) => app.smallWindowChanged(small)),
    videoChanged: (transport) => deliver((app) => app.videoChanged(transport)),
    ringChanged: (view) => deliver((app) => app.ring?.changed(view)),
  };
  const [info] = await Promise.all([backend.start(events), letters]);
  const stage = createStage((layout) => void backend.setLayout(layout));
  const app = new App(backend, info, stage);
  for (const change of early) change(app);
  deliver = (change) => change(app);
  watchSystemTheme(() => app.applyAppearance());
  if (target) mount(AppShell, { target, props: { app } });
}

/**
 * Text that is laid out before its letters have come makes WebKit search the system for each family that could stand in for
 * them, in every size and weight, which takes it a tenth of a second. A guest's browser has to fetch them and does not wait.
 */
async function ownLetters(): Promise<void> {
  await document.fonts.load('1rem "Figtree Variable"').catch(() => undefined);
}

main().catch((error: unknown) => {
  // Without a snapshot there is no screen to show, so the words stand alone.
  setLanguage("system", navigator.language);
  const text = document.createElement("p");
  text.setAttribute("role", "alert");
  text.className = "no-start";
  text.textContent = m.start_failed();
  document.getElementById("app")?.replaceChildren(text);
  throw error;
});
