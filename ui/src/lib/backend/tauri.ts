/** The app: commands and events of the Tauri shell, pictures painted by the window or over a loopback WebSocket. */
import { NativeVideo } from "../video/native";
import { webSocketVideo } from "../video/websocket";
import type { Backend, ChatLines, FilesView, UiError } from ".";
import { commands, events, type ChatView } from "./bindings";

type Answer<T> = { status: "ok"; data: T } | { status: "error"; error: UiError };

async function value<T>(answer: Promise<Answer<T>>): Promise<T> {
  const result = await answer;
  if (result.status === "error") throw result.error;
  return result.data;
}

async function done(answer: Promise<Answer<null>>): Promise<void> {
  await value(answer);
}

/** What is on its way is shown with the time at which it is shown first. */
function lines(chat: ChatView): ChatLines {
  const now = Math.floor(Date.now() / 1000);
  return { messages: chat.messages.map((message) => ({ ...message, at: message.at ?? now })) };
}

export function tauriBackend(): Backend {
  // One for all time: the window tells which tiles show a picture only when that changes.
  const native = new NativeVideo();
  return {
    async start(listener) {
      // Listening comes first, so that nothing falls between the snapshot and the first event.
      await Promise.all([
        events.callChanged.listen(({ payload }) => listener.callChanged(payload)),
        events.chatChanged.listen(({ payload }) => listener.chatChanged(lines(payload))),
        events.filesChanged.listen(({ payload }) => listener.filesChanged(payload as FilesView)),
        events.textChanged.listen(({ payload }) => listener.textChanged(payload)),
        events.ringChanged.listen(({ payload }) => listener.ringChanged(payload)),
        events.levelsChanged.listen(({ payload }) => listener.levelsChanged(payload)),
        events.devicesChanged.listen(({ payload }) => listener.devicesChanged(payload)),
        events.notified.listen(({ payload }) => listener.notified(payload)),
        events.videoChanged.listen(({ payload }) => listener.videoChanged(payload)),
        events.smallWindowChanged.listen(({ payload }) => listener.smallWindowChanged(payload)),
        events.linkRefused.listen(({ payload }) => listener.linkRefused(payload)),
        events.picturesChanged.listen(({ payload }) => native.picturesChanged(payload)),
      ]);
      const info = await value(commands.start());
      listener.chatChanged(lines(info.chat));
      listener.filesChanged(info.files as FilesView);
      listener.textChanged(info.text);
      return info;
    },
    keyPlace: () => value(commands.keyPlace()),
    video: (transport) => (transport.kind === "websocket" ? webSocketVideo(transport.url) : native),
    newCall: () => done(commands.newCall()),
    openInvite: (link) => done(commands.openInvite(link)),
    join: () => done(commands.join()),
    leave: () => done(commands.leave()),
    home: () => done(commands.home()),
    rejoin: () => done(commands.rejoin()),
    setPasscode: (passcode) => done(commands.setPasscode(passcode)),
    setMicrophone: (on) => done(commands.setMicrophone(on)),
    setCamera: (on) => done(commands.setCamera(on)),
    selectDevice: (kind, id) => value(commands.selectDevice(kind, id)),
    retryDevice: (kind) => done(commands.retryDevice(kind)),
    playTestSound: () => done(commands.playTestSound()),
    setName: (name) => value(commands.setName(name)),
    saveSettings: (settings) => value(commands.saveSettings(settings)),
    compareWords: (id, same) => done(commands.compareWords(id, same)),
    forgetContacts: () => done(commands.forgetContacts()),
    setLayout: (layout) => done(commands.setLayout(layout)),
    surfaceStats: () => value(commands.surfaceStats()),
    setFullscreen: (on) => done(commands.setFullscreen(on)),
    setSmallWindow: (on) => done(commands.setSmallWindow(on)),
    meetings: {
      list: () => value(commands.listMeetings()),
      plan: (title, start, minutes, waitingRoom) => value(commands.planMeeting(title, start, minutes, waitingRoom)),
      import: (file, zone) => value(commands.importMeetings(file, zone)),
      forget: (id) => value(commands.forgetMeeting(id)),
      open: (id) => done(commands.openMeeting(id)),
      save: (id) => value(commands.saveMeeting(id)),
    },
    rooms: {
      moderate: (action) => done(commands.moderate(action)),
      setHand: (up) => done(commands.setHand(up)),
      react: (reaction) => done(commands.react(reaction)),
      sendChat: (text, to, replyTo) => done(commands.sendChat(text, to, replyTo)),
      retryChat: (key) => done(commands.retryChat(key)),
      reactToMessage: (id, reaction, on) => done(commands.reactToMessage(id, reaction, on)),
      readChat: () => done(commands.readChat()),
      dismissAsk: () => done(commands.dismissAsk()),
    },
    beside: {
      sendFile: (to) => done(commands.sendFile(to)),
      acceptFile: (key) => done(commands.acceptFile(key)),
      declineFile: (key) => done(commands.declineFile(key)),
      cancelFile: (key) => done(commands.cancelFile(key)),
      setTextOn: (on) => done(commands.setTextOn(on)),
      setTextLine: (text) => done(commands.setTextLine(text)),
      endTextLine: () => done(commands.endTextLine()),
    },
    ring: {
      view: () => value(commands.ringView()),
      call: (key, video) => done(commands.callContact(key, video)),
      cancel: () => done(commands.cancelRing()),
      answer: (call) => done(commands.answerRing(call)),
      decline: (call, message) => done(commands.declineRing(call, message)),
      save: (participant, name) => done(commands.saveContact(participant, name)),
      rename: (key, name) => done(commands.renameContact(key, name)),
      forget: (key) => done(commands.forgetContact(key)),
      clearMissed: () => done(commands.clearMissed()),
    },
  };
}
