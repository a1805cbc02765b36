import { randomUUID } from "node:crypto";
import { hostname } from "node:os";

/** An event as FreeSWITCH's core makes it: headers in order, and sometimes a body. */
export interface SwitchEvent { name: string; subclass: string | undefined; headers: Record<string, string>; body: string | undefined }

/** Says in every event which program this is: the application server shows it to people. */
export const switchVersion = "houseline-lab-switch";

const started = performance.timeOrigin;

/** Microseconds since the epoch, as FreeSWITCH counts time. */
export function microseconds(): number {
  return Math.round((started + performance.now()) * 1_000);
}

const pad = (n: number): string => String(n).padStart(2, "0");

export function localStamp(us: number): string {
  const at = new Date(us / 1_000);
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}

/** Where events are made and handed to whoever listens. A listener that throws does not stop the others. */
export class Events {
  readonly coreUuid = randomUUID();
  readonly startedUs = microseconds();
  readonly #listeners = new Set<(event: SwitchEvent) => void>();
  #sequence = 0;

  listen(listener: (event: SwitchEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(name: string, own: Record<string, string> = {}, { subclass, body }: { subclass?: string; body?: string } = {}): void {
    const headers = { ...this.#base(name, subclass), ...own };
    for (const listener of this.#listeners) {
      try {
        listener({ name, subclass, headers, body });
      } catch (error) {
        process.emitWarning(error instanceof Error ? error : String(error));
      }
    }
  }

  #base(name: string, subclass: string | undefined): Record<string, string> {
    const us = microseconds();
    this.#sequence += 1;
    return {
      ...(subclass === undefined ? {} : { "Event-Subclass": subclass }),
      "Event-Name": name,
      "Core-UUID": this.coreUuid,
      "FreeSWITCH-Hostname": hostname(),
      "FreeSWITCH-Switchname": hostname(),
      "FreeSWITCH-IPv4": "127.0.0.1",
      "FreeSWITCH-IPv6": "::1",
      "FreeSWITCH-Version": switchVersion,
      "Event-Date-Local": localStamp(us),
      "Event-Date-GMT": new Date(us / 1_000).toUTCString(),
      "Event-Date-Timestamp": String(us),
      "Event-Calling-File": "lab-switch",
      "Event-Calling-Function": "emit",
      "Event-Calling-Line-Number": "1",
      "Event-Sequence": String(this.#sequence),
    };
  }
}
