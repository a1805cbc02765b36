import { createHash } from "node:crypto";
import { ApiError, created, invalid, type Routes } from "./answer.ts";
import { Collection, type Thing } from "./collection.ts";

export interface SshKey extends Thing { public_key: string; fingerprint: string }

export const sshKeys = () => new Collection<SshKey>("ssh_key", "ssh_keys");

export function sshKeyRoutes(keys: Collection<SshKey>): Routes {
  return {
    ...keys.routes((key) => key),
    "POST /ssh_keys": ({ body }) => {
      const text = String(body.public_key ?? "").trim();
      const [, data] = /^(?:ssh-\S+|ecdsa-\S+) ([A-Za-z0-9+/]+=*)/.exec(text) ?? [];
      if (data === undefined) throw invalid("public_key", "not a public key");
      const fingerprint = createHash("md5").update(Buffer.from(data, "base64")).digest("hex").replace(/(..)(?!$)/g, "$1:");
      // A key is in a project once, whatever its name.
      if (keys.all().some((key) => key.fingerprint === fingerprint)) throw new ApiError("uniqueness_error", "SSH key with the same fingerprint already exists", { fields: [{ name: "public_key" }] });
      return created({ ssh_key: keys.add(body, { public_key: text, fingerprint }) });
    },
  };
}
