/** A person as the directory describes them: FreeSWITCH's directory XML, the part that both switches read. */
export interface DirectoryUser {
  id: string;
  numberAlias: string | undefined;
  /** Milliseconds; Infinity for `cacheable="true"`; 0 when not to be kept. */
  cacheMs: number;
  params: Record<string, string>;
  variables: Record<string, string>;
}

const entities: Record<string, string> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function unescape(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(lt|gt|amp|quot|apos));/gi, (all, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return entities[name.toLowerCase()] ?? all;
    const code = hex === undefined ? Number(decimal) : parseInt(hex, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}

function attributes(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [, name = "", double, single] of text.matchAll(/([A-Za-z_:][\w:.-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)) found[name] = unescape(double ?? single ?? "");
  return found;
}

/** Reads the first `<user>`; what the domain says is the default of what the user says. `undefined`: nobody. */
export function parseDirectory(xml: string): DirectoryUser | undefined {
  const text = xml.replace(/<!--[\s\S]*?-->/g, "");
  let user: DirectoryUser | undefined;
  const params: Record<string, string> = {};
  const variables: Record<string, string> = {};
  for (const [, closing, name = "", rest = "", empty] of text.matchAll(/<(\/)?([A-Za-z][\w-]*)((?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/)?>/g)) {
    const tag = attributes(rest);
    if (name === "user" && closing) break;
    if (closing) continue;
    if (name === "user") {
      const id = tag["id"];
      if (id === undefined || id === "") return undefined;
      user = { id, numberAlias: tag["number-alias"], cacheMs: cacheMs(tag["cacheable"]), params, variables };
      if (empty) break;
    }
    if (name === "param" && tag["name"] !== undefined) params[tag["name"]] = tag["value"] ?? "";
    if (name === "variable" && tag["name"] !== undefined) variables[tag["name"]] = tag["value"] ?? "";
  }
  return user;
}

function cacheMs(value: string | undefined): number {
  if (value === "true") return Infinity;
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : 0;
}
