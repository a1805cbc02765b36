import { describe, expect, it } from "vitest";
import { Registrations } from "./registrations.ts";

const contact = (page: string) => `"" <sip:${page}@ik3abc.invalid;transport=ws;received=127.0.0.1:52344;fs_nat=yes;fs_path=sip%3A${page}%40127.0.0.1%3A52344%3Btransport%3Dws>`;
const event = (account: string, page: string, profile?: string) => ({ "Event-Subclass": "sofia::register", username: account, contact: contact(page), ...(profile !== undefined && { "profile-name": profile }) });

describe("who is registered with a switch", () => {
  it("is known with the profile that has the device, by events and by the lists of both", () => {
    const registrations = new Registrations();
    registrations.register(event("anna~1", "page1", "houseline"));
    registrations.register(event("boris~1", "page2", "houseline6"));
    // The lab switch names none; a name from elsewhere is none of ours.
    registrations.register(event("clara~1", "page3"));
    registrations.register(event("dmitri~1", "page4", "houseline6,evil"));
    expect(registrations.all.map(({ user, profile }) => [user, profile])).toEqual([["anna", "houseline"], ["boris", "houseline6"], ["clara", "houseline"], ["dmitri", "houseline"]]);
    const list = (account: string, page: string) => `Call-ID:    \tx\nUser:    \t${account.split("~")[0]}@x.internal\nContact: \t${contact(page)}\nAuth-User:  \t${account}\n\nTotal items returned: 1\n`;
    registrations.replace([{ profile: "houseline", list: list("anna~1", "page1") }, { profile: "houseline6", list: list("boris~2", "page5") }]);
    expect(registrations.all.map(({ account, profile }) => [account, profile])).toEqual([["anna~1", "houseline"], ["boris~2", "houseline6"]]);
    registrations.replace([{ profile: "houseline", list: "" }, { profile: "houseline6", list: "Invalid Profile!\n" }]);
    expect(registrations.all).toEqual([]);
  });
});
