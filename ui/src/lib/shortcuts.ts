/** What the shortcuts do. Push to talk opens the microphone while held, and only if it was closed. */
import { cycleRegions } from "./focus";
import { chordOf, endsPushToTalk, shortcutOf, type Shortcut } from "./keys";
import { m } from "./paraglide/messages";
import { nameList } from "./format";
import { REACTIONS } from "./reactions";
import type { App } from "./state/app.svelte";

/** What the small window can do; all else happens in the big one. */
const IN_SMALL: Shortcut[] = ["microphone", "camera", "pushToTalk", "hand", "nextRegion", "previousRegion"];

export class Shortcuts {
  #talking = false;

  constructor(private readonly app: App) {}

  onKeyDown = (event: KeyboardEvent): void => {
    // While keys are chosen in the settings they mean nothing.
    if (this.app.choosingKeys) return;
    const shortcut = shortcutOf(event, this.app.mac, this.app.shortcuts);
    if (shortcut === null) {
      if (event.key === "Escape" && !event.defaultPrevented) this.#escape();
      return;
    }
    event.preventDefault();
    if (event.repeat) return;
    if (this.app.small && !IN_SMALL.includes(shortcut)) {
      void this.app.setSmallWindow(false).then(() => this.#run(shortcut));
    } else {
      this.#run(shortcut);
    }
  };

  onKeyUp = (event: KeyboardEvent): void => {
    const { mac, shortcuts } = this.app;
    if (this.#talking && endsPushToTalk(event.code, chordOf("pushToTalk", mac, shortcuts))) this.#stopTalking();
  };

  /** Another window has the keys now, so the release would be missed. */
  onBlur = (): void => {
    if (this.#talking) this.#stopTalking();
  };

  #run(shortcut: Shortcut): void {
    const { app } = this;
    const { phase } = app.view;
    const withDevices = phase === "lobby" || phase === "joining" || phase === "waiting" || phase === "inCall";
    switch (shortcut) {
      case "microphone":
        if (withDevices) void app.toggle("microphone");
        break;
      case "camera":
        if (withDevices) void app.toggle("camera");
        break;
      case "pushToTalk":
        if (phase === "inCall" && !app.me.microphone.wanted) {
          this.#talking = true;
          void app.setCapture("microphone", true);
        }
        break;
      case "leave":
        if (phase === "inCall") app.dialog = "leave";
        break;
      case "people":
        if (phase === "inCall") app.togglePeople();
        break;
      case "chat":
        if (phase === "inCall") app.toggleChat();
        break;
      case "hand":
        if (phase === "inCall") void app.setHand((app.me.hand ?? null) === null);
        break;
      case "view":
        if (phase === "inCall") app.nextArrangement();
        break;
      case "whoSpeaks":
        if (phase === "inCall") this.#tellWhoSpeaks();
        break;
      case "react1":
      case "react2":
      case "react3":
      case "react4":
      case "react5":
      case "react6":
      case "react7":
      case "react8":
      case "react9": {
        const reaction = REACTIONS[Number(shortcut.slice(-1)) - 1];
        if (phase === "inCall" && reaction) void app.react(reaction);
        break;
      }
      case "fullScreen":
        void app.setFullScreen(!app.fullScreen);
        break;
      case "help":
        app.dialog = app.dialog === "help" ? null : "help";
        break;
      case "nextRegion":
        cycleRegions(1);
        break;
      case "previousRegion":
        cycleRegions(-1);
        break;
    }
  }

  #tellWhoSpeaks(): void {
    const names = this.app.view.participants.filter(({ speaking }) => speaking).map(({ name }) => name || m.someone());
    this.app.toasts.show(names.length > 0 ? m.speaks_now({ names: nameList(names) }) : m.nobody_speaks());
  }

  #stopTalking(): void {
    this.#talking = false;
    void this.app.setCapture("microphone", false);
  }

  /** Closes the top layer only. Menus and dialogs have closed themselves before. */
  #escape(): void {
    if (this.app.dialog) return;
    if (this.app.small) void this.app.setSmallWindow(false);
    else if (this.app.comparing !== null) this.app.comparing = null;
    else if (this.app.chatOpen) this.app.chatOpen = false;
    else if (this.app.peopleOpen) this.app.peopleOpen = false;
    else if (this.app.fullScreen) void this.app.setFullScreen(false);
  }
}
