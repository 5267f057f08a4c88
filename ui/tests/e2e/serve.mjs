// Serves `dist-fake` with the content security policy of the app, so that the tests see every violation.
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const CSP = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "media-src 'self' blob:",
  "font-src 'self'",
  "connect-src ipc: http://ipc.localhost ws://127.0.0.1:*",
  "object-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "form-action 'none'",
].join("; ");
const ROOT = new URL("../../dist-fake/", import.meta.url).pathname;
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

createServer((request, response) => {
  const path = normalize(new URL(request.url ?? "/", "http://x").pathname);
  const file = join(ROOT, path === "/" ? "index.html" : path);
  const type = TYPES[extname(file)];
  if (!type || !existsSync(file)) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { "content-type": type, "content-security-policy": CSP });
  createReadStream(file).pipe(response);
}).listen(Number(process.argv[2]), "127.0.0.1");
