import { describe, expect, it } from "vitest";
import { bindingAnswer, bindingRequest, readBinding } from "./stun.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ""), "hex");

/** RFC 5769, "Test Vectors for STUN", sections 2.1 to 2.3; the password there. */
const key = "VOkJxbRl1RmTxUk/WvJxBt";
const transaction = hex("b7e7a701bc34d686fa87dfae");
const request = hex(`000100582112a442 b7e7a701bc34d686fa87dfae 802200105354554e207465737420636c69656e74 002400046e0001ff 80290008932ff9b151263b36
  00060009 6576746a3a68367659202020 00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2 80280004e57a3bcf`);
const answer4 = hex(`0101003c2112a442 b7e7a701bc34d686fa87dfae 8022000b7465737420766563746f7220 002000080001a147e112a643 00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7 80280004c07d4c96`);
const answer6 = hex(`010100482112a442 b7e7a701bc34d686fa87dfae 8022000b7465737420766563746f7220 002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9 00080014 a382954e4be67bf11784c97c8292c275bfe3ed41 80280004c8fb0b4c`);

describe("a binding request of STUN", () => {
  it("and its answers are read as the RFC's test vectors have them, over IPv4 and IPv6", () => {
    expect(readBinding(request, key)).toEqual({ isAnswer: false, transaction });
    expect(readBinding(answer4, key)).toEqual({ isAnswer: true, transaction, mapped: { address: "192.0.2.1", port: 32_853 } });
    expect(readBinding(answer6, key)).toEqual({ isAnswer: true, transaction, mapped: { address: "2001:db8:1234:5678:11:2233:4455:6677", port: 32_853 } });
  });

  it.each(["203.0.113.7", "2001:db8::1", "::1", "fe80::1:2"])("made here is read here, and tells %s where it came from", (address) => {
    expect(readBinding(bindingRequest(transaction, key), key)).toEqual({ isAnswer: false, transaction });
    expect(readBinding(bindingAnswer(transaction, { address, port: 5_060 }, key), key)?.mapped).toEqual({ address, port: 5_060 });
    expect(readBinding(bindingRequest(transaction))).toEqual({ isAnswer: false, transaction });
  });

  it("is nothing when another key signed it, when nobody did, or when it is something else", () => {
    expect(readBinding(request, "another")).toBeUndefined();
    expect(readBinding(bindingRequest(transaction), key)).toBeUndefined();
    for (const packet of [Buffer.alloc(0), Buffer.from("OPTIONS sip:a SIP/2.0\r\n"), Buffer.alloc(172, 0x80), request.subarray(0, 40), Buffer.concat([request.subarray(0, 20), Buffer.alloc(88, 0xff)])]) expect(readBinding(packet, key)).toBeUndefined();
  });

  it("is longer than its answer over IPv4: nobody is flooded with what it asks for", () => {
    expect(bindingAnswer(transaction, { address: "203.0.113.7", port: 1 }, key).length).toBeLessThanOrEqual(bindingRequest(transaction, key).length);
  });
});
