import { bounds } from "../bounds.ts";

export type Header = [name: string, value: string];

export interface SipRequest { kind: "request"; method: string; uri: string; headers: Header[]; body: string }
export interface SipResponse { kind: "response"; status: number; reason: string; headers: Header[]; body: string }
export type SipMessage = SipRequest | SipResponse;

/** A frame that is not SIP, or not within bounds. */
export class SipSyntaxError extends Error {}

const compact: Record<string, string> = {
  v: "Via", f: "From", t: "To", i: "Call-ID", m: "Contact", l: "Content-Length", c: "Content-Type", k: "Supported", r: "Refer-To", b: "Referred-By", x: "Session-Expires",
};
const token = /^[A-Za-z0-9.!%*_+`'~-]+$/;

/** Reads one WebSocket frame, which is one SIP message (RFC 7118 section 5). */
export function parseMessage(frame: string): SipMessage {
  if (Buffer.byteLength(frame) > bounds.sipMessageBytes) throw new SipSyntaxError("The message is too large.");
  const end = frame.indexOf("\r\n\r\n");
  if (end < 0) throw new SipSyntaxError("The message has no end of headers.");
  const [startLine = "", ...lines] = frame.slice(0, end).replace(/\r\n[ \t]+/g, " ").split("\r\n");
  if (lines.length > bounds.sipHeaders) throw new SipSyntaxError("The message has too many headers.");
  const headers = lines.map(parseHeader);
  const body = frame.slice(end + 4);
  const message = parseStart(startLine, headers, body);
  for (const name of ["Via", "From", "To", "Call-ID", "CSeq"]) {
    if (header(message, name) === undefined) throw new SipSyntaxError(`The message has no ${name}.`);
  }
  const [number, method] = cseq(message);
  if (!Number.isSafeInteger(number) || !token.test(method)) throw new SipSyntaxError("CSeq is malformed.");
  if (message.kind === "request" && method !== message.method) throw new SipSyntaxError("CSeq names another method.");
  return message;
}

function parseStart(line: string, headers: Header[], body: string): SipMessage {
  const response = /^SIP\/2\.0 ([1-6]\d\d)(?: (.*))?$/.exec(line);
  if (response) return { kind: "response", status: Number(response[1]), reason: response[2] ?? "", headers, body };
  const request = /^(\S+) (\S+) SIP\/2\.0$/.exec(line);
  if (!request || !token.test(request[1] ?? "")) throw new SipSyntaxError("The first line is neither a request nor a response.");
  return { kind: "request", method: request[1] ?? "", uri: request[2] ?? "", headers, body };
}

function parseHeader(line: string): Header {
  const colon = line.indexOf(":");
  const name = line.slice(0, colon).trim();
  if (colon < 1 || !token.test(name)) throw new SipSyntaxError("A header is malformed.");
  return [compact[name.toLowerCase()] ?? name, line.slice(colon + 1).trim()];
}

export function header(message: SipMessage, name: string): string | undefined {
  const wanted = name.toLowerCase();
  return message.headers.find(([key]) => key.toLowerCase() === wanted)?.[1];
}

export function headersNamed(message: SipMessage, name: string): string[] {
  const wanted = name.toLowerCase();
  return message.headers.filter(([key]) => key.toLowerCase() === wanted).map(([, value]) => value);
}

export function cseq(message: SipMessage): [number: number, method: string] {
  const [number = "", method = ""] = (header(message, "CSeq") ?? "").split(/\s+/);
  return [/^\d{1,10}$/.test(number) ? Number(number) : NaN, method];
}

/** `branch` of the topmost Via: names the transaction. */
export function branch(message: SipMessage): string {
  return param(header(message, "Via") ?? "", "branch") ?? "";
}

/** A parameter of a header, outside the angle brackets of its address. */
export function param(value: string, name: string): string | undefined {
  const outside = value.includes(">") ? value.slice(value.lastIndexOf(">") + 1) : value;
  const found = new RegExp(`;\\s*${name}(?:\\s*=\\s*("[^"]*"|[^;,\\s]*))?(?=[;,\\s]|$)`, "i").exec(outside);
  return found ? (found[1] ?? "").replace(/^"|"$/g, "") : undefined;
}

export interface Address { display: string; uri: string }

/** `"Anna" <sip:anna@example.com>;tag=x` or a bare URI. */
export function parseAddress(value: string): Address {
  const angle = /^\s*(?:"((?:[^"\\]|\\.)*)"|([^<]*?))\s*<([^>]*)>/.exec(value);
  if (angle) return { display: (angle[1] ?? angle[2] ?? "").replace(/\\(.)/g, "$1").trim(), uri: angle[3] ?? "" };
  return { display: "", uri: (value.split(";")[0] ?? "").trim() };
}

export interface Uri { user: string; host: string; params: string }

/** `sip:user@host:port;params`; undefined when it is not a SIP URI. */
export function parseUri(uri: string): Uri | undefined {
  const found = /^sips?:(?:([^@;?\s]{0,256})@)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?((?:;[^?\s]*)?)(?:\?\S*)?$/i.exec(uri);
  if (!found) return undefined;
  try {
    return { user: decodeURIComponent((found[1] ?? "").split(":")[0] ?? ""), host: found[2] ?? "", params: (found[3] ?? "").slice(1) };
  } catch {
    return undefined;
  }
}

/** A display name as a quoted string: control characters and what would end the quotes are taken out. */
export function quoted(display: string): string {
  return `"${display.replace(/[\x00-\x1f\x7f]/g, " ").replace(/["\\]/g, "").slice(0, 80)}"`;
}

export function serialize(message: SipMessage): string {
  const start = message.kind === "request" ? `${message.method} ${message.uri} SIP/2.0` : `SIP/2.0 ${message.status} ${message.reason}`;
  const headers = message.headers.filter(([name]) => name.toLowerCase() !== "content-length").map(([name, value]) => `${name}: ${value}`);
  return [start, ...headers, `Content-Length: ${Buffer.byteLength(message.body)}`, "", message.body].join("\r\n");
}

const reasons: Record<number, string> = {
  100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
  405: "Method Not Allowed", 407: "Proxy Authentication Required", 408: "Request Timeout", 410: "Gone", 415: "Unsupported Media Type", 480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist",
  484: "Address Incomplete", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 491: "Request Pending", 500: "Server Internal Error",
  501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Server Time-out", 513: "Message Too Large", 603: "Decline",
};

export function reasonOf(status: number): string {
  return reasons[status] ?? (status < 200 ? "Progress" : status < 300 ? "OK" : "Refused");
}

export const userAgent = "Houseline lab switch";
export const allow = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, REGISTER, REFER, NOTIFY";

export interface Answer { toTag?: string | undefined; headers?: Header[] | undefined; body?: string | undefined; reason?: string | undefined }

/** The response to a request, with the headers that RFC 3261 section 8.2.6 wants. */
export function respond(request: SipRequest, status: number, { toTag, headers = [], body = "", reason }: Answer = {}): SipResponse {
  const to = header(request, "To") ?? "";
  return {
    kind: "response", status, reason: reason ?? reasonOf(status), body,
    headers: [
      ...headersNamed(request, "Via").map((via): Header => ["Via", via]),
      ["From", header(request, "From") ?? ""],
      ["To", toTag !== undefined && param(to, "tag") === undefined ? `${to};tag=${toTag}` : to],
      ["Call-ID", header(request, "Call-ID") ?? ""],
      ["CSeq", header(request, "CSeq") ?? ""],
      ["User-Agent", userAgent],
      ...headers,
    ],
  };
}
