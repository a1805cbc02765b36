import { timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Config } from "../config.ts";
import type { SwitchDirectory } from "../directory/directory.ts";
import type { Logger } from "../log.ts";

/** Bytes of a form; FreeSWITCH's are below two thousand. */
const mostBytes = 16_384;

/** The directory of the switch, on the private address: Basic authentication, one form in, one document out. */
export function createDirectoryServer({ directoryPassword }: Pick<Config, "directoryPassword">, directory: SwitchDirectory, log: Logger): Server {
  const expected = Buffer.from(`Basic ${Buffer.from(`switch:${directoryPassword}`).toString("base64")}`);

  return createServer({ maxHeaderSize: 16_384, requestTimeout: 5_000, headersTimeout: 5_000 }, (request, response) => {
    const end = (status: number, type: string, body: string) => response.writeHead(status, { "Content-Type": type, "Connection": status === 200 ? "keep-alive" : "close" }).end(body);
    const url = new URL(request.url ?? "/", "http://directory");
    if (url.pathname !== "/directory") return end(404, "text/plain", "There is nothing here.\n");
    if (!isSwitch(request)) return end(401, "text/plain", "Only the switch may ask.\n");
    if (request.method !== "GET" && request.method !== "POST") return end(405, "text/plain", "GET or POST.\n");
    bodyOf(request).then(async (body) => {
      const form = new URLSearchParams(request.method === "POST" ? body : url.search);
      end(200, "text/xml", await directory.answer(form.get("user") ?? "", form.get("domain") ?? ""));
    }).catch((error: Error) => {
      log.warn({ reason: error.message }, "directory request failed");
      if (error instanceof TooLarge) end(413, "text/plain", "The form is too large.\n");
      else end(503, "text/plain", "The database does not answer.\n");
    });
  });

  function isSwitch(request: IncomingMessage): boolean {
    const given = Buffer.from(request.headers.authorization ?? "");
    return given.length === expected.length && timingSafeEqual(given, expected);
  }
}

class TooLarge extends Error {
  override message = "the form is too large";
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new TooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
