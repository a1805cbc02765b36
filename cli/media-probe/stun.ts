import { createHmac, timingSafeEqual } from "node:crypto";

/**
 * As much of STUN (RFC 8489) as a probe needs: binding requests and their answers, both signed with a key of the probe's own, so that a responder
 * answers nobody else and nobody else answers for it.
 */

export interface Endpoint { address: string; port: number }

/** A binding request, or the success response to one. */
export interface Binding { isAnswer: boolean; transaction: Buffer; mapped?: Endpoint }

const magic = 0x2112a442;
const types = { request: 0x0001, success: 0x0101 } as const;
const attributes = { username: 0x0006, integrity: 0x0008, mapped: 0x0020 } as const;
const headerBytes = 20;
const integrityBytes = 24;
const userName = Buffer.from("houseline");

/** @param key without one it is not signed, as a relay takes it from everybody */
export function bindingRequest(transaction: Buffer, key?: string): Buffer {
  return key === undefined ? message(types.request, transaction, Buffer.alloc(0)) : signed(message(types.request, transaction, attribute(attributes.username, userName)), key);
}

/** The answer to a request: where it came from. */
export function bindingAnswer(transaction: Buffer, from: Endpoint, key: string): Buffer {
  return signed(message(types.success, transaction, attribute(attributes.mapped, xored(from, transaction))), key);
}

/**
 * Reads a datagram.
 *
 * @param key by which it must be signed; without one no signature is looked at
 * @returns undefined for what is neither a request nor its answer, or was signed by somebody else
 */
export function readBinding(packet: Buffer, key?: string): Binding | undefined {
  if (packet.length < headerBytes || packet.readUInt32BE(4) !== magic || packet.readUInt16BE(2) > packet.length - headerBytes) return undefined;
  const type = packet.readUInt16BE(0);
  if (type !== types.request && type !== types.success) return undefined;
  const transaction = Buffer.from(packet.subarray(8, headerBytes));
  let mapped: Endpoint | undefined;
  const end = headerBytes + packet.readUInt16BE(2);
  for (let at = headerBytes; at + 4 <= end;) {
    const [kind, length] = [packet.readUInt16BE(at), packet.readUInt16BE(at + 2)];
    const value = packet.subarray(at + 4, at + 4 + length);
    if (value.length < length) return undefined;
    if (kind === attributes.mapped) mapped = endpointOf(value, transaction);
    if (kind === attributes.integrity && key !== undefined) return isSignature(value, packet.subarray(0, at), key) ? binding() : undefined;
    at += 4 + length + (4 - length % 4) % 4;
  }
  return key === undefined ? binding() : undefined;

  function binding(): Binding {
    return { isAnswer: type === types.success, transaction, ...(mapped && { mapped }) };
  }
}

/** @param missing bytes that follow and count */
export function message(type: number, transaction: Buffer, body: Buffer, missing = 0): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(type, 0);
  header.writeUInt16BE(body.length + missing, 2);
  header.writeUInt32BE(magic, 4);
  return Buffer.concat([header, transaction, body]);
}

export function attribute(type: number, value: Buffer): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt16BE(type, 0);
  header.writeUInt16BE(value.length, 2);
  return Buffer.concat([header, value, Buffer.alloc((4 - value.length % 4) % 4)]);
}

/** MESSAGE-INTEGRITY: of all before it, with a length that has it already. (RFC 8489, 14.5) */
function signed(unsigned: Buffer, key: string): Buffer {
  const value = signature(unsigned, key);
  unsigned.writeUInt16BE(unsigned.length - headerBytes + integrityBytes, 2);
  return Buffer.concat([unsigned, attribute(attributes.integrity, value)]);
}

function signature(before: Buffer, key: string): Buffer {
  const copy = Buffer.from(before);
  copy.writeUInt16BE(before.length - headerBytes + integrityBytes, 2);
  return createHmac("sha1", key).update(copy).digest();
}

function isSignature(value: Buffer, before: Buffer, key: string): boolean {
  return value.length === 20 && timingSafeEqual(value, signature(before, key));
}

/** XOR-MAPPED-ADDRESS. (RFC 8489, 14.2) */
export function xored({ address, port }: Endpoint, transaction: Buffer): Buffer {
  const bytes = bytesOf(address);
  const value = Buffer.alloc(4 + bytes.length);
  value[1] = bytes.length === 4 ? 1 : 2;
  value.writeUInt16BE(port ^ (magic >>> 16), 2);
  const mask = maskOf(transaction);
  bytes.forEach((byte, index) => { value[4 + index] = byte ^ mask[index]!; });
  return value;
}

function endpointOf(value: Buffer, transaction: Buffer): Endpoint | undefined {
  const length = value[1] === 1 ? 4 : 16;
  if (value.length !== 4 + length) return undefined;
  const mask = maskOf(transaction);
  const bytes = [...value.subarray(4)].map((byte, index) => byte ^ mask[index]!);
  return { address: length === 4 ? bytes.join(".") : textOf(bytes), port: value.readUInt16BE(2) ^ (magic >>> 16) };
}

function maskOf(transaction: Buffer): Buffer {
  const cookie = Buffer.alloc(4);
  cookie.writeUInt32BE(magic);
  return Buffer.concat([cookie, transaction]);
}

function bytesOf(address: string): number[] {
  if (!address.includes(":")) return address.split(".").map(Number);
  const [before = "", after] = address.replace(/%.*$/, "").split("::");
  const groups = (text: string) => text.split(":").filter(Boolean).map((group) => Number.parseInt(group, 16));
  const [head, tail] = [groups(before), groups(after ?? "")];
  return [...head, ...Array<number>(after === undefined ? 0 : 8 - head.length - tail.length).fill(0), ...tail].flatMap((group) => [group >> 8, group & 0xff]);
}

/** As people write it. (RFC 5952) */
function textOf(bytes: readonly number[]): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[index * 2]! << 8) | bytes[index * 2 + 1]!).toString(16));
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}
