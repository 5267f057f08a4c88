export type ParticipantId = string;
export type TrackSource = "camera" | "microphone" | "screenShare" | "screenShareAudio";
export type ConnectionPrivacy = "automatic" | "hideLocal" | "relayOnly";
export type Phase = "home" | "lobby" | "joining" | "inCall" | "ended";
export type ConnectionState = "idle" | "waiting" | "connecting" | "connected" | "unstable" | "reconnecting" | "lost";
export type CaptureState = "off" | "starting" | "on" | "failed";
export type DeviceProblem =
  "busy" | "permissionDenied" | "notFound" | "disconnected" | "stalled" | "unsupported" | "failed";
export type Quality = "good" | "fair" | "weak";
export type Problem =
  | "cameraBusy"
  | "cameraDenied"
  | "cameraMissing"
  | "cameraLost"
  | "cameraFailed"
  | "microphoneBusy"
  | "microphoneDenied"
  | "microphoneMissing"
  | "microphoneLost"
  | "speakerMissing"
  | "untrusted"
  | "networkLost";
export type EndReason =
  "left" | "roomNotFound" | "roomFull" | "tooManyRequests" | "version" | "serverUnreachable" | "protocol" | "lost";
export type InviteView = { link: string; localOnly: boolean; host: string; mine: boolean };
export type CaptureView = {
  wanted: boolean;
  state: CaptureState;
  deviceName: string | null;
  deviceId: string | null;
  problem: DeviceProblem | null;
};
export type MeView = {
  id: ParticipantId | null;
  name: string;
  microphone: CaptureView;
  camera: CaptureView;
  speaker: CaptureView;
};
export type ParticipantView = {
  id: ParticipantId;
  name: string;
  microphoneOn: boolean;
  cameraOn: boolean;
  hasVideo: boolean;
  speaking: boolean;
  connection: ConnectionState;
};
export type QualityView = {
  level: Quality;
  roundTripMs: number | null;
  sendKbps: number;
  receiveKbps: number;
  lossPercent: number;
  relayed: boolean;
  sendWidth: number;
  sendHeight: number;
  sendFps: number;
  receiveWidth: number;
  receiveHeight: number;
  receiveFps: number;
};
export type CallView = {
  phase: Phase;
  connection: ConnectionState;
  invite: InviteView | null;
  me: MeView;
  participants: ParticipantView[];
  connectedForMs: number | null;
  quality: QualityView | null;
  problem: Problem | null;
  end: EndReason | null;
};
export type ParticipantLevel = { id: ParticipantId; level: number };
export type Levels = { microphone: number; participants: ParticipantLevel[] };
export type Notification =
  | { type: "joined"; name: string }
  | { type: "left"; name: string }
  | { type: "deviceReplaced"; kind: string; name: string }
  | { type: "reconnected" };
export type CallSettings = {
  name: string;
  camera: string | null;
  microphone: string | null;
  speaker: string | null;
  privacy: ConnectionPrivacy;
  server: string | null;
};
export type DeviceKind = "camera" | "microphone" | "speaker";
export type DeviceInfo = { kind: DeviceKind; id: string; name: string; isDefault: boolean };
export type TileId = string;
export type Fit = "cover" | "contain";
export type TileRect = {
  id: TileId;
  x: number;
  y: number;
  width: number;
  height: number;
  radius: number;
  fit: Fit;
  mirror: boolean;
  z: number;
};
export type Overlay = { x: number; y: number; width: number; height: number; radius: number };
export type Layout = { devicePixelRatio: number; tiles: TileRect[]; overlays: Overlay[] };
export type TileStats = { tile: TileId; presented: number; drawn: number; latencyMs: number };
export type Theme = "system" | "light" | "dark";
export type Contrast = "system" | "more" | "normal";
export type Language = "system" | "en" | "sv";
export type Corner = "topLeft" | "topRight" | "bottomLeft" | "bottomRight";
export type Appearance = {
  theme: Theme;
  contrast: Contrast;
  language: Language;
  mirrorSelf: boolean;
  selfViewCorner: Corner;
  selfViewHidden: boolean;
};
export type AppSettings = { call: CallSettings; appearance: Appearance };
export type VideoTransport = { kind: "websocket"; url: string };
export type AppInfo = {
  version: string;
  platform: string;
  locale: string;
  video: VideoTransport;
  settings: AppSettings;
  view: CallView;
  devices: DeviceInfo[];
};
export type UiErrorCode =
  "notALink" | "incomplete" | "typo" | "serverUnreachable" | "tooManyRequests" | "busy" | "internal";
export type UiError = { code: UiErrorCode; message: string };
