/** The app: commands and events of the Tauri shell, pictures over a loopback WebSocket. */
import { invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";

import { webSocketVideo } from "../video/websocket";
import type { Backend, CallView, DeviceInfo, Levels, Notification } from ".";

export function tauriBackend(): Backend {
  return {
    async start(events) {
      // Listening comes first, so that nothing falls between the snapshot and the first event.
      await Promise.all([
        listen<CallView>("call-changed", ({ payload }) => events.callChanged(payload)),
        listen<Levels>("levels-changed", ({ payload }) => events.levelsChanged(payload)),
        listen<DeviceInfo[]>("devices-changed", ({ payload }) => events.devicesChanged(payload)),
        listen<Notification>("notified", ({ payload }) => events.notified(payload)),
      ]);
      return invoke("start");
    },
    video: (info) => webSocketVideo(info.video.url),
    newCall: () => invoke("new_call"),
    openInvite: (link) => invoke("open_invite", { link }),
    join: () => invoke("join"),
    leave: () => invoke("leave"),
    home: () => invoke("home"),
    rejoin: () => invoke("rejoin"),
    setMicrophone: (on) => invoke("set_microphone", { on }),
    setCamera: (on) => invoke("set_camera", { on }),
    selectDevice: (kind, id) => invoke("select_device", { kind, id }),
    retryDevice: (kind) => invoke("retry_device", { kind }),
    playTestSound: () => invoke("play_test_sound"),
    setName: (name) => invoke("set_name", { name }),
    saveSettings: (settings) => invoke("save_settings", { settings }),
    setLayout: (layout) => invoke("set_layout", { layout }),
    surfaceStats: () => invoke("surface_stats"),
    setFullscreen: (on) => invoke("set_fullscreen", { on }),
  };
}
