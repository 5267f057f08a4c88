/** Which words belong to which code of the backend. */
import type {
  CaptureView,
  DeviceKind,
  DeviceProblem,
  EndReason,
  IncomingView,
  OutgoingView,
  Problem,
  UiErrorCode,
} from "./backend";
import { m } from "./paraglide/messages";

export function errorText(code: UiErrorCode): string {
  return {
    notALink: m.error_not_a_link,
    incomplete: m.error_incomplete,
    typo: m.error_typo,
    notACalendar: m.error_not_a_calendar,
    calendarTooLarge: m.error_calendar_too_large,
    noMeetings: m.error_no_meetings,
    noServer: m.error_no_server,
    notPlanned: m.error_not_planned,
    busy: m.error_busy,
    internal: m.error_internal,
  }[code]();
}

export type Words = { title: string; text: string };

/** Why there is no meeting, behind a link (`invited`) or of our own; `null` for ends that the after-call screen tells. */
export function endWords(reason: EndReason, invited: boolean): Words | null {
  switch (reason) {
    case "roomNotFound":
      return { title: m.end_not_found(), text: m.end_not_found_text() };
    case "roomFull":
      return { title: m.end_full(), text: m.end_full_text() };
    case "tooManyRequests":
      return { title: m.end_too_many(), text: m.end_too_many_text() };
    case "version":
      return { title: m.end_version(), text: m.end_version_text() };
    case "serverUnreachable":
      if (!invited) return { title: m.end_no_server(), text: m.end_no_server_text() };
      return { title: m.end_unreachable(), text: m.end_unreachable_text() };
    case "protocol":
      return { title: m.end_protocol(), text: m.end_protocol_text() };
    case "certificateExpired":
      return { title: m.end_certificate(), text: m.end_certificate_expired_text() };
    case "certificateWrongName":
      return { title: m.end_certificate(), text: m.end_certificate_wrong_name_text() };
    case "certificateUnknown":
      return { title: m.end_certificate(), text: m.end_certificate_unknown_text() };
    case "certificateInvalid":
      return { title: m.end_certificate(), text: m.end_certificate_invalid_text() };
    case "denied":
      return { title: m.end_denied(), text: m.end_denied_text() };
    case "removed":
      return { title: m.end_removed(), text: m.end_removed_text() };
    case "left":
    case "lost":
    case "interrupted":
    case "endedByHost":
      return null;
  }
}

/** How a call that goes out stands. */
export function outgoingWords({ state, name: given, video }: OutgoingView): Words {
  const name = given || m.someone();
  const wait = video ? m.calling_video_text() : m.calling_sound_text();
  switch (state) {
    case "calling":
      return { title: m.calling({ name }), text: wait };
    case "ringing":
      return { title: m.ringing_at({ name }), text: wait };
    case "answered":
      return { title: m.call_answered({ name }), text: m.call_answered_text() };
    case "declined":
      return { title: m.call_declined({ name }), text: m.call_declined_text() };
    case "busy":
      return { title: m.call_busy({ name }), text: m.call_busy_text() };
    case "noAnswer":
      return { title: m.call_no_answer({ name }), text: m.call_no_answer_text() };
    case "unreachable":
      return { title: m.call_unreachable({ name }), text: m.call_unreachable_text() };
    case "failed":
      return { title: m.call_failed(), text: m.call_failed_text() };
  }
}

/** "is calling you with video", after the name. */
export function incomingWords({ video }: IncomingView): string {
  return video ? m.ringing_video() : m.ringing_sound();
}

/** What is wrong with a device, as a title and the one thing to do. In a browser it is the browser that has to allow it. */
export function deviceWords(kind: DeviceKind, problem: DeviceProblem, platform: string): Words {
  const camera = kind === "camera";
  switch (problem) {
    case "busy":
      return camera
        ? { title: m.camera_busy(), text: m.camera_busy_text() }
        : { title: m.mic_busy(), text: m.mic_busy_text() };
    case "permissionDenied": {
      const text = platform === "web" ? m.denied_by_browser() : camera ? m.camera_denied_text() : m.mic_denied_text();
      return { title: camera ? m.camera_denied() : m.mic_denied(), text };
    }
    case "notFound":
      if (kind === "speaker") return { title: m.speaker_missing(), text: m.speaker_missing_text() };
      return camera
        ? { title: m.camera_missing(), text: m.camera_missing_text() }
        : { title: m.mic_missing(), text: m.mic_missing_text() };
    case "disconnected":
      return camera
        ? { title: m.camera_lost(), text: m.camera_lost_text() }
        : { title: m.mic_lost(), text: m.mic_lost_text() };
    case "stalled":
    case "unsupported":
    case "failed":
      return camera
        ? { title: m.camera_failed(), text: m.camera_failed_text() }
        : { title: m.mic_failed(), text: m.mic_failed_text() };
  }
}

/** Two or three words for a list row. */
export function shortProblem(problem: DeviceProblem): string {
  return {
    busy: m.short_busy,
    permissionDenied: m.short_denied,
    notFound: m.short_missing,
    disconnected: m.short_lost,
    stalled: m.short_failed,
    unsupported: m.short_failed,
    failed: m.short_failed,
  }[problem]();
}

/** The device behind a problem, for the button that tries again. */
export function problemDevice(problem: Problem): { kind: DeviceKind; problem: DeviceProblem } | null {
  switch (problem) {
    case "cameraBusy":
      return { kind: "camera", problem: "busy" };
    case "cameraDenied":
      return { kind: "camera", problem: "permissionDenied" };
    case "cameraMissing":
      return { kind: "camera", problem: "notFound" };
    case "cameraLost":
      return { kind: "camera", problem: "disconnected" };
    case "cameraFailed":
      return { kind: "camera", problem: "failed" };
    case "microphoneBusy":
      return { kind: "microphone", problem: "busy" };
    case "microphoneDenied":
      return { kind: "microphone", problem: "permissionDenied" };
    case "microphoneMissing":
      return { kind: "microphone", problem: "notFound" };
    case "microphoneLost":
      return { kind: "microphone", problem: "disconnected" };
    case "speakerMissing":
      return { kind: "speaker", problem: "notFound" };
    case "untrusted":
    case "keyChanged":
    case "wordsDiffer":
    case "noRelay":
    case "networkLost":
      return null;
  }
}

/** Live now: wanted and running. */
export function isLive(capture: CaptureView): boolean {
  return capture.wanted && capture.state === "on";
}
