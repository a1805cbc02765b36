import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

const derive = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(scrypt);
/** OWASP's recommendation for scrypt: 2^15, 8, 3 (about 60 ms and 32 MB). */
const cost = { N: 1 << 15, r: 8, p: 3, maxmem: 64 << 20 };
const keyBytes = 32;

/** `scrypt$N$r$p$salt$key`, salt and key in base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, keyBytes, cost);
  return ["scrypt", cost.N, cost.r, cost.p, salt.toString("base64url"), key.toString("base64url")].join("$");
}

export async function passwordMatches(password: string, stored: string): Promise<boolean> {
  const [scheme, N, r, p, salt = "", key = ""] = stored.split("$");
  if (scheme !== "scrypt") return false;
  const wanted = Buffer.from(key, "base64url");
  const given = await derive(password, Buffer.from(salt, "base64url"), wanted.length || keyBytes, { N: Number(N), r: Number(r), p: Number(p), maxmem: cost.maxmem });
  return wanted.length === given.length && timingSafeEqual(wanted, given);
}

let nobody: Promise<string> | undefined;

/** Takes as long as a real comparison, so that a stranger can't tell which names exist. */
export async function pretendToCompare(password: string): Promise<void> {
  nobody ??= hashPassword(randomBytes(16).toString("hex"));
  await passwordMatches(password, await nobody);
}
