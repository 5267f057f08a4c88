import { afterEach, expect, it, vi } from "vitest";

import { lackOfBrowser } from "../../src/lib/browser";

afterEach(() => void vi.unstubAllGlobals());

it("knows what a browser lacks", () => {
  const browser = (secure: boolean, mimeTypes: string[] | null) => {
    vi.stubGlobal("isSecureContext", secure);
    const codecs = mimeTypes && { codecs: mimeTypes.map((mimeType) => ({ mimeType })) };
    vi.stubGlobal("RTCRtpReceiver", { getCapabilities: () => codecs });
    return lackOfBrowser();
  };
  expect(browser(true, ["video/VP8", "video/H264"])).toBeNull();
  expect(browser(true, ["video/VP8", "video/rtx"])).toBe("h264");
  expect(browser(true, null)).toBe("h264");
  expect(browser(false, ["video/H264"])).toBe("insecure");
});
