import type { SwitchEvent } from "../events.ts";

/** Frames of mod_event_socket, compared with recordings of the real one. (FreeSWITCH, "mod_event_socket") */

const bytes = (text: string) => Buffer.byteLength(text);

export const authRequest = "Content-Type: auth/request\n\n";

export function commandReply(text: string, headers: Record<string, string> = {}): string {
  return `Content-Type: command/reply\nReply-Text: ${text}\n${lines(headers)}\n`;
}

export function apiResponse(body: string): string {
  return `Content-Type: api/response\nContent-Length: ${bytes(body)}\n\n${body}`;
}

export function disconnectNotice(): string {
  const body = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n";
  return `Content-Type: text/disconnect-notice\nContent-Length: ${bytes(body)}\n\n${body}`;
}

export function jsonEvent({ headers, body }: SwitchEvent): string {
  const text = JSON.stringify(body === undefined ? headers : { ...headers, "Content-Length": String(bytes(body)), "_body": body });
  return `Content-Length: ${bytes(text)}\nContent-Type: text/event-json\n\n${text}`;
}

/** Values are percent-encoded, one header a line. */
export function plainEvent({ headers, body }: SwitchEvent): string {
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${encodeURIComponent(value)}\n`).join("");
  const text = body === undefined ? `${head}\n` : `${head}Content-Length: ${bytes(body)}\n\n${body}`;
  return `Content-Length: ${bytes(text)}\nContent-Type: text/event-plain\n\n${text}`;
}

function lines(headers: Record<string, string>): string {
  return Object.entries(headers).map(([name, value]) => `${name}: ${value}\n`).join("");
}
