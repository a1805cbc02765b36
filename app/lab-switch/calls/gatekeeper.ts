import { matches, parseCredentials } from "../sip/digest.ts";
import { header, type SipRequest } from "../sip/message.ts";
import type { SipSocket } from "../sip/socket.ts";
import type { Directory } from "../directory/directory.ts";
import type { DirectoryUser } from "../directory/xml.ts";

/** Who sent a request: the person, and the account that they authenticated with. */
export interface Caller { person: string; authName: string; user: DirectoryUser }

export type Verdict =
  | { caller: Caller }
  /** Ask for credentials with this challenge. */
  | { challenge: string }
  | { refused: 403 | 503 };

/** Digest authentication against the directory (RFC 3261 section 22): who calls is who authenticated, never what From says. */
export async function authenticate(request: SipRequest, socket: SipSocket, directory: Directory, realm: string, field: "Authorization" | "Proxy-Authorization"): Promise<Verdict> {
  const given = parseCredentials(header(request, field) ?? "");
  if (!given || given.realm !== realm) return { challenge: socket.nonces.challenge(realm) };
  if (!socket.nonces.accept(given)) return { challenge: socket.nonces.challenge(realm, true) };
  const { found, ...rest } = await directory.find(given.username, "sip_auth");
  if (!found) return { refused: "why" in rest && rest.why === "unreachable" ? 503 : 403 };
  const a1 = found.params["a1-hash"];
  if (a1 === undefined || found.id !== given.username || !matches(given, request.method, a1)) return { refused: 403 };
  return { caller: { person: found.variables["sip-force-user"] ?? found.id, authName: given.username, user: found } };
}
