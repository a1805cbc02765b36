import { createHash, createHmac, randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { attribute, message, xored } from "../../cli/media-probe/stun.ts";

/** Methods of STUN and TURN. (RFC 8489, 18.2; RFC 8656, 17; RFC 6062, 6.1) */
const methods = { binding: 0x0001, allocate: 0x0003, refresh: 0x0004, createPermission: 0x0008, channelBind: 0x0009, connect: 0x000a } as const;
const attributes = { username: 0x0006, integrity: 0x0008, error: 0x0009, channel: 0x000c, lifetime: 0x000d, peer: 0x0012, realm: 0x0014, nonce: 0x0015, relayed: 0x0016, transport: 0x0019 } as const;
const magic = 0x2112a442;
const answerMs = 5_000;

export interface TurnAnswer {
  /** `undefined`: it was granted; else the error code, such as 403. */
  error: number | undefined;
  attributes: ReadonlyMap<number, Buffer>;
}

/** The other end of a relay, as a browser is, for what browsers don't ask: by TCP, with a long-term credential. (RFC 8489, 9.2) */
export class TurnClient {
  readonly #socket: Socket;
  readonly #username: string;
  readonly #credential: string;
  #received: Buffer = Buffer.alloc(0);
  #realm = "";
  #nonce: Buffer = Buffer.alloc(0);
  #waiting: ((answer: TurnAnswer) => void) | undefined;
  #failed: ((reason: Error) => void) | undefined;

  private constructor(socket: Socket, username: string, credential: string) {
    this.#socket = socket;
    this.#username = username;
    this.#credential = credential;
    socket.on("data", (part: Buffer) => this.#take(part));
    socket.on("error", (error) => this.#failed?.(error));
    socket.on("close", () => this.#failed?.(new Error("the relay closed the connection")));
  }

  /** By a connection that is there, of TLS say. */
  static over(socket: Socket, { username, credential }: { username: string; credential: string }): TurnClient {
    return new TurnClient(socket, username, credential);
  }

  static open(port: number, { username, credential }: { username: string; credential: string }, host = "127.0.0.1"): Promise<TurnClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, host).once("error", reject).once("connect", () => resolve(new TurnClient(socket, username, credential)));
    });
  }

  /** Asks for a relay; tells the error, or the port that it sends from. @param protocol 17 for UDP, 6 for TCP (RFC 6062) */
  async allocate(protocol = 17): Promise<{ error?: number; port?: number }> {
    const wanted = attribute(attributes.transport, Buffer.from([protocol, 0, 0, 0]));
    let answer = await this.#ask(methods.allocate, wanted);
    // The first is always refused: it has told what to sign with.
    if (answer.error === 401 || answer.error === 438) answer = await this.#ask(methods.allocate, wanted);
    const relayed = answer.attributes.get(attributes.relayed);
    return { ...(answer.error === undefined ? {} : { error: answer.error }), ...(relayed ? { port: relayed.readUInt16BE(2) ^ (magic >>> 16) } : {}) };
  }

  /** Asks for permission to send to an address; `undefined` when it is granted. */
  async permit(address: string): Promise<number | undefined> {
    return (await this.#ask(methods.createPermission, peer(address, 9))).error;
  }

  async bindChannel(address: string, port: number): Promise<number | undefined> {
    return (await this.#ask(methods.channelBind, Buffer.concat([attribute(attributes.channel, Buffer.from([0x40, 0, 0, 0])), peer(address, port)]))).error;
  }

  /** Asks for a TCP connection to an address. (RFC 6062, 4.3) */
  async connectTo(address: string, port: number): Promise<number | undefined> {
    return (await this.#ask(methods.connect, peer(address, port))).error;
  }

  async refresh(seconds: number): Promise<number | undefined> {
    const lifetime = Buffer.alloc(4);
    lifetime.writeUInt32BE(seconds);
    return (await this.#ask(methods.refresh, attribute(attributes.lifetime, lifetime))).error;
  }

  close(): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }

  #ask(method: number, body: Buffer): Promise<TurnAnswer> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("the relay did not answer")), answerMs);
      this.#waiting = (answer) => { clearTimeout(timer); resolve(answer); };
      this.#failed = (reason) => { clearTimeout(timer); reject(reason); };
      this.#socket.write(this.#signed(method, body));
    });
  }

  #signed(method: number, body: Buffer): Buffer {
    const transaction = randomBytes(12);
    if (this.#realm === "") return message(method, transaction, body);
    const whole = Buffer.concat([body, attribute(attributes.username, Buffer.from(this.#username)), attribute(attributes.realm, Buffer.from(this.#realm)), attribute(attributes.nonce, this.#nonce)]);
    const key = createHash("md5").update(`${this.#username}:${this.#realm}:${this.#credential}`).digest();
    // Its length counts the signature, which is not there yet.
    const integrity = createHmac("sha1", key).update(message(method, transaction, whole, 24)).digest();
    return message(method, transaction, Buffer.concat([whole, attribute(attributes.integrity, integrity)]));
  }

  #take(part: Buffer): void {
    this.#received = Buffer.concat([this.#received, part]);
    while (this.#received.length >= 20 && this.#received.length >= 20 + this.#received.readUInt16BE(2)) {
      const end = 20 + this.#received.readUInt16BE(2);
      this.#answered(attributesOf(this.#received.subarray(20, end)));
      this.#received = this.#received.subarray(end);
    }
  }

  #answered(found: ReadonlyMap<number, Buffer>): void {
    this.#realm = found.get(attributes.realm)?.toString() ?? this.#realm;
    this.#nonce = found.get(attributes.nonce) ?? this.#nonce;
    const error = found.get(attributes.error);
    this.#waiting?.({ error: error && error[2]! * 100 + error[3]!, attributes: found });
  }
}

/** Of IPv4, whose mask has nothing of the transaction. (RFC 8656, 18.3; RFC 8489, 14.2) */
const peer = (address: string, port: number) => attribute(attributes.peer, xored({ address, port }, Buffer.alloc(12)));

function attributesOf(body: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= body.length;) {
    const length = body.readUInt16BE(at + 2);
    found.set(body.readUInt16BE(at), Buffer.from(body.subarray(at + 4, at + 4 + length)));
    at += 4 + length + (4 - length % 4) % 4;
  }
  return found;
}
