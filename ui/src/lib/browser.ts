/** What a browser may lack to take part. */

/** `insecure`: an address without https, where there is no camera, no sound and no cryptography. `h264`: the format of our pictures. */
export type Lack = "insecure" | "h264";

export function lackOfBrowser(): Lack | null {
  if (!isSecureContext) return "insecure";
  const { codecs } = RTCRtpReceiver.getCapabilities("video") ?? { codecs: [] };
  return codecs.some(({ mimeType }) => mimeType.toLowerCase() === "video/h264") ? null : "h264";
}
