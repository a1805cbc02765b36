import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as commands from "./commands.ts";
import * as word from "./words.ts";

const one = "00000000-0000-4000-8000-000000000001";
const two = "00000000-0000-4000-8000-000000000002";
const contact = "sip:q7vk1a2b@ik3abc.invalid;transport=ws;received=127.0.0.1:52344;fs_nat=yes;fs_path=sip%3Aq7vk1a2b%40127.0.0.1%3A52344%3Btransport%3Dws";
const ringing: commands.Ringing = {
  call: word.uuid(one), person: word.user("anna"), role: "caller", autoAnswer: true, shown: { name: word.shown("Boris Weber"), number: word.number("102") }, timeoutSeconds: 20,
};

describe("ESL commands", () => {
  it("read as FreeSWITCH has them", () => {
    expect(commands.kill(word.uuid(one), "CALL_REJECTED").line).toBe(`uuid_kill ${one} CALL_REJECTED`);
    expect(commands.unhold(word.uuid(one)).line).toBe(`uuid_hold off ${one}`);
    expect(commands.transfer(word.uuid(one), word.destination("room-blue")).line).toBe(`uuid_transfer ${one} room-blue XML default`);
    expect(commands.transferInto(word.uuid(one), { application: "conference", room: word.room("c-1"), flags: ["moderator"] }, true).line)
      .toBe(`uuid_transfer ${one} -both conference:c-1@default+flags{moderator} inline`);
    expect(commands.park(word.uuid(one), word.space(7)).line).toBe(`uuid_transfer ${one} park-7 XML default`);
  });

  it("ring a device that answers by itself, and then go into the dialplan", () => {
    const { line } = commands.originate(ringing, { devices: [{ leg: word.uuid(two), profile: "houseline", contact: word.contact(contact) }] }, { extension: word.destination("102") });
    expect(line).toMatch(/^originate \{.*\}\[origination_uuid=.*\]sofia\/houseline\/sip:q7vk1a2b@.* 102 XML default$/);
    for (const part of [`houseline_call=${one}`, `sip_h_X-Houseline-Call=${one}`, "sip_h_X-Houseline-Answer=auto", "sip_auto_answer=true", "origination_caller_id_name='Boris Weber'"]) expect(line).toContain(part);
    expect(commands.originate({ ...ringing, autoAnswer: false }, { person: word.user("boris"), domain: word.domain("x.internal") }, { application: "park" }).line).toMatch(/\}user\/boris@x\.internal &park\(\)$/);
  });

  it("are made in one module alone", () => {
    const root = join(import.meta.dirname, "..");
    const sources = readdirSync(root, { recursive: true }).map(String).filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && file !== "switch/commands.ts");
    for (const file of sources) expect(readFileSync(join(root, file), "utf8"), file).not.toContain("EslCommand.of");
  });
});

/** Mulberry32: the same numbers for the same seed. */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe("words of ESL commands, under whatever a client can send (seeded)", () => {
  const nasty = ["\n", "\r", "\r\n\r\napi hupall", "\0", " ", "\t", "'", "\"", "`", "{", "}", "[", "]", "<", ">", "(", ")", "&", "|", ",", ";", "$", "${uuid_kill(x)}", "$${domain}", "\\", "^^:", "%0a", "%7E", "@", "~", "~x", "/", "::", "=", "+", "*", "#",
    "\u2028", "\u0085", "é", "\ud83d\ude00", "\u202e", "all", "uuid_kill", one, "anna", "102", "room-blue", "*97", "-ERR", "a".repeat(300), contact];
  const next = random(5);
  const pick = <T>(list: readonly T[]) => list[Math.floor(next() * list.length)]!;
  const texts = Array.from({ length: 20_000 }, () => {
    const parts = Array.from({ length: 1 + Math.floor(next() * 4) }, () => (next() < 0.7 ? pick(nasty) : String.fromCharCode(Math.floor(next() * (next() < 0.5 ? 128 : 65_536)))));
    return parts.join("");
  });
  const makers: Record<string, (text: string) => string> = {
    uuid: word.uuid, user: word.user, account: word.account, number: word.number, destination: word.destination, domain: word.domain, tones: word.tones, room: word.room, contact: word.contact,
    space: (text) => word.space(Number(text)), member: (text) => word.member(Number(text)), contactOf: (text) => word.contactOf(text) ?? "", shown: word.shown,
  };

  it.each(Object.keys(makers))("%s holds nothing that means something to the switch, or is refused without being repeated", (kind) => {
    let taken = 0;
    for (const text of texts) {
      let made: string;
      try {
        made = makers[kind]!(text);
      } catch (error) {
        expect(error).toBeInstanceOf(word.BadWord);
        expect((error as Error).message).not.toContain(text.length > 3 ? text : "\n");
        continue;
      }
      taken++;
      expect(made, JSON.stringify(text)).toMatch(kind === "shown" ? /^[\p{L}\p{N} ._-]+$/u : kind.startsWith("contact") ? /^[A-Za-z0-9._:;=@%-]*$/ : /^[A-Za-z0-9._*#~-]+$/);
    }
    expect(taken, "the fuzzer also makes words that are good").toBeGreaterThan(kind === "account" ? -1 : 0);
  });

  it("keep a whole command one line with the words that it was made of", () => {
    for (const text of texts) {
      const { line } = commands.originate({ ...ringing, shown: { name: word.shown(text), number: word.number("102") } }, { devices: [{ leg: word.uuid(two), profile: "houseline", contact: word.contact(contact) }] }, { application: "park" });
      expect(line.match(/'/g)).toHaveLength(2);
      expect(line).toMatch(/^originate \{[^{}[\]]*\}\[[^{}[\]]*\]\S* &park\(\)$/);
    }
  });
});
