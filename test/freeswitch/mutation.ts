/** Numbers that are the same in every run. (mulberry32) */
export function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** What parsers trip over. */
const poison = [
  "\0", "\r\n", "\r\n\r\n", "%", "%n%s%x", "%00", "\"", "<", ">", "<<<<", ";", ";;=;", ",", ":", "::", "[", "[::1", "@", "@@", "\\", "\\\"", "\t\t", " ".repeat(300),
  "A".repeat(2_000), ";p=".repeat(200), "(".repeat(200), "9".repeat(30), "-1", "0", "4294967296", "18446744073709551616", "é€𝄞", "\x80\xff", "sip:", "sip:@", "tel:+1",
  "SIP/2.0", "SIP/999.999", "Via: ", "Content-Length: 999999999", "Content-Length: -5", "Content-Type: multipart/mixed;boundary=x", "CSeq: 0 ", "Max-Forwards: -1",
  "Route: <sip:127.0.0.1;lr>", "Record-Route: <sip:x;lr>", "Require: nothing", "Replaces: x;to-tag=1;from-tag=2", "Refer-To: <sip:a@b?Replaces=x%3Bto-tag%3D1>",
  "Session-Expires: 1;refresher=x", "RSeq: 1", "Event: presence", "Authorization: Digest username=", "Identity: x", "a=candidate:1 1 udp 1 x y typ z", "m=audio 99999 RTP/AVP 0",
];

/** One to four changes to a message: bytes lost, doubled, changed, headers lost or moved, poison put in. */
export function mutate(message: string, random: () => number): Buffer {
  let text = message;
  const at = (length: number) => Math.floor(random() * length);
  for (let changes = 1 + at(4); changes > 0; changes--) {
    const from = at(text.length);
    const to = Math.min(text.length, from + 1 + at(12));
    const lines = text.split("\r\n");
    const line = at(lines.length);
    switch (at(8)) {
      case 0: text = text.slice(0, from) + text.slice(to); break;
      case 1: text = text.slice(0, to) + text.slice(from); break;
      case 2: text = text.slice(0, from) + String.fromCharCode(at(256)) + text.slice(from + 1); break;
      case 3: text = [...lines.slice(0, line), ...lines.slice(line + 1)].join("\r\n"); break;
      case 4: text = [...lines.slice(0, line), lines[line], ...lines.slice(line)].join("\r\n"); break;
      case 5: [lines[line], lines[at(lines.length)]] = [lines[at(lines.length)] ?? "", lines[line] ?? ""]; text = lines.join("\r\n"); break;
      case 6: text = text.slice(0, from); break;
      default: text = text.slice(0, from) + poison[at(poison.length)] + text.slice(from);
    }
  }
  return Buffer.from(text, "latin1");
}
