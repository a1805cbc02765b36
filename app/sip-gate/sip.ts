/** As much of a SIP message (RFC 3261) as the gate has to know. */
export interface Glance {
  /** Of a response. */
  status?: number;
  /** Of the request, or of the one that a response answers. */
  method: string;
  /** The auth name in a request's credentials. */
  authName?: string;
  /** Call-ID and the number in CSeq: an INVITE, what answers it and its ACK have the same. (RFC 3261, section 17.1.1.3) */
  transaction: string;
}

const request = /^([A-Z]{1,32}) sips?:\S{1,1024} SIP\/2\.0\r\n/;
const response = /^SIP\/2\.0 ([1-6]\d\d) [^\r\n]{0,256}\r\n/;
const sequence = /^CSeq:[ \t]*(\d{1,10})[ \t]+([A-Z]{1,32})/im;
const callId = /^(?:Call-ID|i):[ \t]*(\S{1,256})/im;
const credentials = /^(?:Proxy-)?Authorization:[ \t]*Digest[ \t]([^\r\n]{0,4096})/im;

/** @returns undefined for what does not begin as SIP does; a keep-alive (RFC 5626, section 3.5.1) has no method */
export function glance(text: string): Glance | undefined {
  if (/^(\r\n){1,2}$/.test(text)) return { method: "", transaction: "" };
  const end = text.indexOf("\r\n\r\n");
  const head = end < 0 ? text : text.slice(0, end + 2);
  const [, number = "", answered = ""] = sequence.exec(head) ?? [];
  const transaction = `${callId.exec(head)?.[1] ?? ""} ${number}`;
  const [, method] = request.exec(head) ?? [];
  if (method !== undefined) {
    const words = credentials.exec(head)?.[1];
    return { method, transaction, ...(words !== undefined && { authName: /(?:^|[\s,])username="([^"]{0,256})"/i.exec(words)?.[1] ?? "" }) };
  }
  const [, status] = response.exec(head) ?? [];
  return status === undefined ? undefined : { status: Number(status), method: answered, transaction };
}
