import { isCause } from "../causes.ts";
import { bounds } from "../bounds.ts";
import { channelHeaders, channelRow } from "../calls/channel-headers.ts";
import type { Registrar } from "../calls/registrar.ts";
import type { Switchboard } from "../calls/switchboard.ts";
import type { Config } from "../config.ts";
import type { Directory } from "../directory/directory.ts";
import { microseconds, switchVersion, type Events } from "../events.ts";

/** What the commands work on. */
export interface Switch { config: Config; switchboard: Switchboard; registrar: Registrar; directory: Directory; events: Events; globals: Map<string, string> }

type Command = (words: string[], on: Switch) => string;

/** `api` commands that the application server uses; anything else is refused in a sentence. (FreeSWITCH, "mod_commands") */
const commands: Record<string, Command> = {
  status: (_, on) => status(on),
  version: () => `${switchVersion} (a stand-in for FreeSWITCH)\n`,
  show: (words, on) => show(words, on),
  sofia: (words, on) => sofia(words, on),
  uuid_kill([uuid = "", cause = "NORMAL_CLEARING"], { switchboard }) {
    const leg = switchboard.leg(uuid);
    if (!leg) return "-ERR No such channel!\n";
    switchboard.hangUp(leg, isCause(cause) ? cause : "NORMAL_CLEARING");
    return "+OK\n";
  },
  uuid_dump([uuid = "", format], { switchboard, config }) {
    const leg = switchboard.leg(uuid);
    if (!leg) return "-ERR No such channel!\n";
    return format === "json" ? `${JSON.stringify(channelHeaders(leg, config.domain))}\n` : "-ERR The lab switch dumps 'json' only\n";
  },
  uuid_exists: ([uuid = ""], { switchboard }) => String(switchboard.leg(uuid) !== undefined),
  uuid_getvar([uuid = "", name = ""], { switchboard }) {
    const leg = switchboard.leg(uuid);
    return leg ? leg.variables.get(name) ?? "_undef_" : "-ERR No such channel!\n";
  },
  uuid_setvar([uuid = "", name = "", ...value], { switchboard }) {
    const leg = switchboard.leg(uuid);
    if (!leg) return "-ERR No such channel!\n";
    if (leg.variables.size >= bounds.variables || value.join(" ").length > bounds.variableBytes) return "-ERR Too many or too long variables\n";
    leg.variables.set(name, value.join(" "));
    return "+OK\n";
  },
  uuid_transfer([uuid = "", ...rest], { switchboard }) {
    const leg = switchboard.leg(uuid);
    if (!leg) return "-ERR No such channel!\n";
    const [destination = "", dialplan = "XML", context = "default"] = rest[0] === "-bleg" ? rest.slice(1) : rest;
    const moving = rest[0] === "-bleg" ? leg.peer : leg;
    if (moving?.state !== "answered" || !/^[a-z0-9._-]{1,64}$/.test(destination) || dialplan !== "XML" || context !== "default") return "-ERR The lab switch transfers an answered leg, or with -bleg its peer, to a person in the context default\n";
    switchboard.transfer(moving, destination);
    return "+OK\n";
  },
  hupall([cause = "MANAGER_REQUEST"], { switchboard }) {
    for (const leg of switchboard.legs) switchboard.hangUp(leg, isCause(cause) ? cause : "MANAGER_REQUEST");
    return "+OK hangup all channels\n";
  },
  xml_flush_cache: ([kind, user], { directory }) => `+OK cleared ${directory.flush(kind === "id" ? user : undefined)} entries\n`,
  global_getvar: ([name = ""], { globals }) => globals.get(name) ?? "",
  global_setvar([assignment = ""], { globals }) {
    const [name = "", ...value] = assignment.split("=");
    if (globals.size >= bounds.variables || assignment.length > bounds.variableBytes) return "-ERR Too many or too long variables\n";
    globals.set(name, value.join("="));
    return "+OK\n";
  },
};

export function runApi(line: string, on: Switch): string {
  const [name = "", ...words] = line.trim().split(/\s+/);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) return `-ERR ${name.slice(0, 60)} is not in the lab switch: it needs FreeSWITCH\n`;
  return command(words, on);
}

function status({ events, switchboard }: Switch): string {
  const up = microseconds() - events.startedUs;
  const part = (unit: number, of: number) => Math.floor(up / unit) % of;
  const calls = switchboard.legs.length;
  return `UP 0 years, ${Math.floor(up / 86_400e6)} days, ${part(3_600e6, 24)} hours, ${part(60e6, 60)} minutes, ${part(1e6, 60)} seconds, ${part(1e3, 1_000)} milliseconds, ${Math.floor(up % 1_000)} microseconds\n`
    + `${switchVersion} is ready\n${calls} session(s) - peak ${calls}, last 5min ${calls} \n`;
}

function show([what, ...rest]: string[], { config, switchboard, registrar }: Switch): string {
  if (rest.join(" ") !== "as json") return "-ERR The lab switch shows lists 'as json' only\n";
  if (what === "channels") return rows(switchboard.legs.map((leg) => channelRow(leg, config.domain)));
  if (what === "calls") return rows(switchboard.legs.filter(({ direction }) => direction === "inbound").map((leg) => channelRow(leg, config.domain)));
  if (what === "registrations") {
    return rows(registrar.all.map(({ person, contact, callId, socket, until }) => ({
      reg_user: person, realm: config.domain, token: callId, url: contact, expires: String(Math.floor(until / 1_000)), network_ip: socket.ip, network_port: String(socket.port), network_proto: "ws",
    })));
  }
  return "-ERR The lab switch shows channels, calls and registrations\n";
}

function rows(list: object[]): string {
  return `${JSON.stringify(list.length === 0 ? { row_count: 0 } : { row_count: list.length, rows: list })}\n`;
}

function sofia([what, kind, profile, list]: string[], { config, registrar }: Switch): string {
  if (what !== "status") return "-ERR The lab switch knows 'sofia status' only\n";
  if (kind === undefined) return `                     Name\t   Type\tData\tState\n${"=".repeat(80)}\n               houseline\tprofile\tsip:switch@${config.wsHost}:${config.wsPort};transport=ws\tRUNNING (0)\n`;
  if (kind === "profile" && profile === "houseline" && list === "reg") {
    return `${registrar.all.map(({ person, contact, authName }) => `User:    \t${person}@${config.domain}\nContact: \t<${contact}>\nAuth-User:  \t${authName}\n`).join("\n")}\nTotal items returned: ${registrar.all.length}\n`;
  }
  return "-ERR The lab switch has one profile, houseline\n";
}
