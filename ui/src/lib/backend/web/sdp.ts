/** What is read in descriptions and candidates of a peer before the browser gets them (docs/protocol.md). */

const MAX_SDP = 32 * 1024;
const MAX_SECTIONS = 8;
/** Candidates of one peer that are tried. */
export const MAX_CANDIDATES = 100;

/** A description of a peer of ours: not too large, and with exactly one certificate, by SHA-256. */
export function isDescription(sdp: string): boolean {
  if (sdp.length > MAX_SDP || !sdp.startsWith("v=0")) return false;
  const sections = sdp.split("\nm=").length - 1;
  if (sections < 1 || sections > MAX_SECTIONS) return false;
  const prints = Array.from(sdp.matchAll(/^a=fingerprint:(.*?)\r?$/gm), ([, print = ""]) => print.toLowerCase());
  return prints.length > 0 && prints.every((print) => print.startsWith("sha-256 ") && print === prints[0]);
}

/** Candidates travel alone. */
export function withoutCandidates(sdp: string): string {
  return sdp.replace(/^a=(candidate:|end-of-candidates).*\r?\n/gm, "");
}

/** Whether to try an address that a peer names: it must not point us at services of this computer or of everybody. */
export function isCandidateAllowed(candidate: string, loopback: boolean): boolean {
  const words = candidate.trim().replace(/^a=/, "").split(/\s+/);
  const [first = "", , protocol = "", , address = "", port = "", typ] = words;
  if (!first.startsWith("candidate:") || typ !== "typ" || protocol.toLowerCase() !== "udp" || port === "0")
    return false;
  const four = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address);
  if (four) {
    const bytes = four.slice(1).map(Number);
    const [top = 0] = bytes;
    if (bytes.some((byte) => byte > 255) || bytes.every((byte) => byte === 0) || top >= 224) return false;
    return loopback || top !== 127;
  }
  if (address.includes(":")) {
    const six = address.toLowerCase();
    if (six.startsWith("ff") || /^[0:]*$/.test(six) || six.includes(".") || /^[0:]*:ffff:/.test(six)) return false;
    return loopback || !/^[0:]*:0*1$/.test(six);
  }
  return /^[0-9a-f-]{36}\.local$/i.test(address);
}
