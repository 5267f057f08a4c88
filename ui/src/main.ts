import "@fontsource-variable/figtree/wght.css";
import "./styles/index.css";

import { mount } from "svelte";

import AppShell from "./App.svelte";
import { connectBackend, type Events } from "./lib/backend";
import { App } from "./lib/state/app.svelte";
import { watchSystemTheme } from "./lib/theme";
import { createStage } from "./lib/video/stage";

/** Nothing is shown before the first snapshot; what arrives during `start` is kept and applied after it. */
async function main(): Promise<void> {
  const backend = await connectBackend();
  let app: App | undefined;
  const early: Array<(app: App) => void> = [];
  const soon = (apply: (app: App) => void) => (app ? apply(app) : early.push(apply));
  const events: Events = {
    callChanged: (view) => soon((app) => app.callChanged(view)),
    levelsChanged: (levels) => soon((app) => (app.levels = levels)),
    devicesChanged: (devices) => soon((app) => (app.devices = devices)),
    notified: (notification) => soon((app) => app.toasts.notify(notification)),
  };
  const info = await backend.start(events);
  const stage = createStage(backend.video(info), (layout) => void backend.setLayout(layout));
  app = new App(backend, info, stage);
  for (const apply of early) apply(app);
  watchSystemTheme(() => app?.applyAppearance());
  const target = document.getElementById("app");
  if (target) mount(AppShell, { target, props: { app } });
}

void main();
