import { createRemoteJWKSet, decodeProtectedHeader, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey, type JWTVerifyOptions } from "jose";
import { z } from "zod";
import { extension, role, userName } from "../protocol/wire.ts";
import type { JwtConfig } from "./config.ts";
import { RequestError } from "./sessions/connection.ts";

/** Keys are asked for again when they are this old, or when a token names one that isn't among them; but not more often than the pause allows. */
const keysKeptMs = 600_000;
const keysPauseMs = 5_000;
const keysTimeoutMs = 3_000;
/** By public keys alone: a secret is never looked for there. (RFC 8725, section 3.1) */
const publicAlgorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

/** What a token says about somebody. Other claims are passed over. */
const claims = z.object({
  user: userName.optional(),
  sub: z.string().optional(),
  name: z.string().trim().min(1).max(80).optional(),
  extension: extension.optional(),
  role: role.optional(),
  domain: z.string().optional(),
});

export interface Claims { user: string; name?: string | undefined; extension?: string | undefined; role?: z.infer<typeof role> | undefined }

/** Checks JWTs that the company's application signed. (RFC 7519; best current practice: RFC 8725) */
export class JwtVerifier {
  readonly #config: JwtConfig;
  readonly #domain: string;
  readonly #secret: Uint8Array | undefined;
  readonly #keys: JWTVerifyGetKey | undefined;

  constructor(config: JwtConfig, domain: string) {
    this.#config = config;
    this.#domain = domain;
    if (config.secret !== "") this.#secret = new TextEncoder().encode(config.secret);
    if (config.jwksUrl !== "") this.#keys = createRemoteJWKSet(new URL(config.jwksUrl), { timeoutDuration: keysTimeoutMs, cooldownDuration: keysPauseMs, cacheMaxAge: keysKeptMs });
  }

  /** @throws RequestError with what is wrong; `unavailable` when the keys can't be fetched */
  async verify(token: string): Promise<Claims> {
    const checked = claims.safeParse(await this.#payload(token));
    if (!checked.success) throw unauthorized(`its claim '${checked.error.issues[0]?.path.join(".")}' is not as docs/sign-in.md says`);
    const { user, sub, domain, ...rest } = checked.data;
    if (domain !== undefined && domain !== this.#domain) throw unauthorized("it is for another domain");
    const name = userName.safeParse(user ?? sub);
    if (!name.success) throw unauthorized("its claim 'user' (or else 'sub') is not a user name of small letters, digits, '.', '_' and '-'");
    return { user: name.data, ...rest };
  }

  async #payload(token: string): Promise<JWTPayload> {
    const { issuer, audience, clockSkewSeconds } = this.#config;
    const options: JWTVerifyOptions = { clockTolerance: clockSkewSeconds, requiredClaims: ["exp"], ...(issuer === "" ? {} : { issuer }), ...(audience === "" ? {} : { audience }) };
    try {
      const isBySecret = decodeProtectedHeader(token).alg === "HS256";
      if (isBySecret && this.#secret) return (await jwtVerify(token, this.#secret, { ...options, algorithms: ["HS256"] })).payload;
      if (!isBySecret && this.#keys) return (await jwtVerify(token, this.#keys, { ...options, algorithms: publicAlgorithms })).payload;
    } catch (error) {
      throw refusal(error as Error);
    }
    throw unauthorized("this server takes none that is signed in this way");
  }
}

const unauthorized = (reason: string) => new RequestError("unauthorized", `The token is refused: ${reason}.`);

function refusal(error: Error): RequestError {
  if (error instanceof errors.JWTExpired) return unauthorized("it has expired");
  if (error instanceof errors.JWTClaimValidationFailed) return unauthorized(`its claim '${error.claim}' is ${error.reason === "missing" ? "missing" : "wrong"}`);
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) return unauthorized("it was signed by a key that this server doesn't know");
  if (error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid || error instanceof errors.JOSEAlgNotAllowed) return unauthorized("it was not signed by this company's application");
  // The address of the keys did not answer, or not with keys.
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid || error.constructor === errors.JOSEError || error.message === "fetch failed") return new RequestError("unavailable", "The keys that tokens are checked with can't be fetched at the moment. Try again.");
  return unauthorized("it is not a JWT");
}
