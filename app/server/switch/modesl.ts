import type { Socket } from "node:net";
import modesl from "modesl";

/** What this server uses of modesl 1.2, which has no types of its own. */
export interface EslEvent {
  getBody(): string | undefined;
}

/** What reads the socket; it is there from `esl::connect` on. */
interface Parser {
  _parseHeaderText(text: string): Record<string, string | number>;
  _parseEvent(headers: Readonly<Record<string, string>>, body?: string): void;
}

export interface Connection {
  parser: Parser;
  /** Null once the switch has ended it. */
  socket: Socket | null;
  api(command: string, answer: (event: EslEvent) => void): void;
  sendRecv(command: string, headers: Record<string, string>, answer: (event: EslEvent) => void): void;
  on(event: string, listener: (argument: never) => void): void;
}

export const Connection = (modesl as unknown as { Connection: new (host: string, port: number, password: string) => Connection }).Connection;

/** The two that FreeSWITCH sends before an event as JSON, in its order. */
const jsonHeaders = /^Content-Length: (\d+)\nContent-Type: text\/event-json$/;

/**
 * Takes the events that come as JSON past modesl's own path, which makes an object of each of their 200 headers and looks for listeners by
 * wildcards: half of what an event costs. Everything else goes on as it is.
 *
 * @param take given what the text has, which may be no event at all
 */
export function takeJsonEvents(connection: Connection, take: (event: unknown) => void): void {
  connection.on("esl::connect", () => {
    const { parser } = connection;
    const [parse, parseHeaders] = [parser._parseEvent.bind(parser), parser._parseHeaderText.bind(parser)];
    parser._parseHeaderText = (text) => {
      const length = jsonHeaders.exec(text)?.[1];
      return length === undefined ? parseHeaders(text) : { "Content-Length": Number(length), "Content-Type": "text/event-json" };
    };
    parser._parseEvent = (headers, body) => {
      if (headers["Content-Type"] !== "text/event-json") return parse(headers, body);
      let event: unknown;
      try {
        event = JSON.parse(body ?? "");
      } catch {
        return;
      }
      take(event);
    };
  });
}
