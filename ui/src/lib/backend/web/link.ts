/** The invite link as a browser reads it: `http(s)://HOST/j/ROOM#SECRET[.CODE][.p]`. What follows # stays in the browser. */
import type { UiErrorCode } from "../bindings";
import { fromBase64url } from "./base64";

export const MAX_LINK = 2048;
const SECRET_BYTES = 16;
const ROOM = /^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/;
const CODE = /^[A-Za-z0-9_-]{22}$/;

export type Link = {
  /** Scheme, host and port of the server. */
  origin: string;
  host: string;
  room: string;
  secret: Uint8Array<ArrayBuffer>;
  /** The code of an invite made for somebody. */
  code: string | null;
  /** A passcode is asked for. */
  passcode: boolean;
  text: string;
};

export function parseLink(text: string): Link | UiErrorCode {
  const trimmed = text.trim().replace(/^[<"']+|[>"'.]+$/g, "");
  if (trimmed.length > MAX_LINK || !URL.canParse(trimmed)) return "notALink";
  const url = new URL(trimmed);
  if (!/^https?:$/.test(url.protocol) || !url.hostname || url.username) return "notALink";
  const path = /^\/j\/(.*?)\/*$/.exec(url.pathname);
  if (!path) return "notALink";
  const room = path[1] ?? "";
  if (room === "") return "incomplete";
  if (!ROOM.test(room)) return "typo";
  const fragment = url.hash.slice(1);
  if (fragment === "") return "incomplete";
  const [first = "", ...rest] = fragment.split(".");
  const secret = fromBase64url(first);
  if (secret?.length !== SECRET_BYTES) return "typo";
  const passcode = rest.includes("p");
  const codes = rest.filter((part) => part !== "p");
  if (codes.length > 1 || codes.some((code) => !CODE.test(code))) return "typo";
  return {
    origin: url.origin,
    host: url.host,
    room,
    secret,
    code: codes[0] ?? null,
    passcode,
    text: `${url.origin}/j/${room}#${fragment}`,
  };
}

/** The server is only reachable on the local network. */
export function isLocal(host: string): boolean {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  if (name === "localhost" || name.endsWith(".local")) return true;
  if (/^\[(::1|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:)/.test(name)) return true;
  return /^(10|127|169\.254|192\.168|172\.(1[6-9]|2\d|3[01]))\.[\d.]+$/.test(name);
}
