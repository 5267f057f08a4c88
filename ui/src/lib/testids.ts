/**
 * Stable `data-testid` values: what the browser tests and the WebDriver tests of the app hold on to.
 * `data-picture="true"` on a tile, `[data-tile="me/camera"]`, once it shows a picture. That is drawn on the canvas in it where
 * `html[data-video="websocket"]`, else painted by the window.
 * The phase is `[data-phase]` on the `<main>` of the screen, the connection `[data-connection]` on the call screen.
 */
export const testIds = {
  // home
  startCall: "start-call",
  joinLinkInput: "join-link-input",
  joinLinkButton: "join-link-button",
  linkError: "link-error",
  recent: "recent",
  // everywhere
  settings: "settings",
  help: "help",
  back: "back",
  banner: "banner",
  bannerAction: "banner-action",
  toast: "toast",
  // lobby
  joinNow: "join-now",
  nameInput: "name-input",
  deviceSelect: (kind: "camera" | "microphone" | "speaker") => `select-${kind}` as const,
  deviceOption: (id: string) => `device-option-${id}` as const,
  microphoneMeter: "microphone-meter",
  testSound: "test-sound",
  retryCamera: "retry-camera",
  verdict: "verdict",
  // the invite link, in the lobby and while alone in the call
  linkText: "link-text",
  copyLinkCard: "copy-link-card",
  // call
  toggleMic: "toggle-mic",
  toggleCamera: "toggle-camera",
  micMenu: "mic-menu",
  cameraMenu: "camera-menu",
  copyLink: "copy-link",
  people: "people",
  peoplePanel: "people-panel",
  view: "view",
  fullScreen: "full-screen",
  more: "more",
  leave: "leave",
  confirmLeave: "confirm-leave",
  elapsed: "elapsed",
  encryptionChip: "encryption-chip",
  qualityChip: "quality-chip",
  statsLine: "stats-line",
  selfViewMenu: "self-view-menu",
  rejoin: "rejoin",
  // after the call, and a link that leads nowhere
  ended: "ended",
  goHome: "go-home",
  qualityCard: "quality-card",
  rating: (word: "good" | "fair" | "bad") => `rating-${word}` as const,
  copyReport: "copy-report",
  // settings
  settingsTab: (name: string) => `settings-${name}` as const,
  closeSettings: "close-settings",
} as const;
