import { copyText } from "./clipboard";
import { m } from "./paraglide/messages";
import type { App } from "./state/app.svelte";

export async function copyInvite(app: App, link: string): Promise<void> {
  app.toasts.show((await copyText(link)) ? m.toast_copied() : m.toast_not_copied());
}
