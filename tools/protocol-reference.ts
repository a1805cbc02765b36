import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import type { z } from "zod";
import { openApi } from "../app/protocol/openapi.ts";
import * as wire from "../app/protocol/wire.ts";

/**
 * Writes docs/protocol.md and docs/openapi.json from the schemas in app/protocol and the sentences above them:
 * `node tools/protocol-reference.ts`. A test compares.
 */

const root = join(import.meta.dirname, "..");
const protocol = join(root, "app", "protocol");

/** Schemas with a chapter of their own: elsewhere they are named. */
const named: Record<string, z.ZodType> = {
  Call: wire.call, Party: wire.party, Participant: wire.participant, HistoryEntry: wire.historyEntry, Person: wire.person, Profile: wire.profile, Device: wire.device,
  Message: wire.message, Room: wire.room, Moderation: wire.moderation, Snapshot: wire.snapshot, SipAccount: wire.sipAccount, TurnServer: wire.turnServer,
};
/** Scalars that are named by what they are. */
const scalars: [z.ZodType, string][] = [
  [wire.userName, "user name"], [wire.extension, "extension"], [wire.callId, "call id"], [wire.deviceId, "device id"], [wire.roomName, "room name"], [wire.time, "time"],
  [wire.address, "address"], [wire.digits, "tones"], [wire.parkingSpace, "parking space"], [wire.statusText, "text"],
];

export const files = { "docs/protocol.md": reference, "docs/openapi.json": () => `${JSON.stringify(openApi(), null, 2)}\n` };

function reference(): string {
  const about = { ...sentences("requests.ts", "requests"), ...sentences("events.ts", "events") };
  const chapters = [
    `# The control protocol, version ${wire.protocolVersion}`,
    "Made from `app/protocol` by `node tools/protocol-reference.ts`: change it there.",
    opening(),
    `## Requests\n\nEach is sent as \`{"type":"request","id":1,"name":"…","params":{…}}\` and answered once, by \`{"type":"response","id":1,"result":{…}}\` or\n\`{"type":"error","id":1,"code":"…","message":"…"}\`. The message is a sentence for people.`,
    ...Object.entries(wire.requests).map(([name, { params, result }]) => request(name, about[`requests.${name}`] ?? "", params, result)),
    `## Events\n\n\`{"type":"event","seq":7,"name":"…","data":{…}}\`, numbered from 1 without a gap in every session. A client passes over names and fields that it doesn't know.`,
    ...Object.entries(wire.events).map(([name, data]) => `### \`${name}\`\n\n${about[`events.${name}`] ?? ""}\n\n${fields(data)}`),
    `## Things\n\nWhat requests and events speak of. A field with \`?\` may be absent.`,
    ...Object.entries(named).map(([name, schema]) => `### ${name}\n\n${fields(schema)}`),
    `### Scalars\n\n${table(["name", "what it is"], scalars.map(([schema, name]) => [name, schema.description ?? ""]))}`,
    `## Permissions\n\n${table(["role", "permissions"], Object.entries(wire.roles).map(([role, list]) => [`\`${role}\``, list.map((one) => `\`${one}\``).join(" ")]))}`,
    `## Bounds\n\n${table(["bound", "value", "what it is"], constants("limits", wire.limits))}`,
    `## Close codes\n\n${table(["name", "code", "why"], constants("closeCodes", wire.closeCodes))}`,
  ];
  return `${chapters.join("\n\n")}\n`;
}

function opening(): string {
  const codes = wire.errorCode.options.map((code) => `\`${code}\``).join(", ");
  return `JSON text frames over one WebSocket, \`/ws\` of the application server. The client speaks first: \`{"type":"hello","version":${wire.protocolVersion},"client":"Softphone, Chrome"}\`,
answered by a \`hello\` of the server. Then it signs in (\`login\`, \`loginWithToken\`) or takes a session up again (\`resume\`), and sends requests.

A session outlives its socket for ${wire.limits.sessionGraceSeconds} seconds. \`resume\` with the resume token and the number of the last event seen brings every event that was missed, at
this server or another; when that can't be (\`replayed\` is false) the client starts over from the snapshot in the answer. A server that goes
says \`goodbye\`, closes with ${wire.closeCodes.goingAway}, and the next one has the session with everything that was missed.

Error codes: ${codes}. \`unavailable\` and \`too-many\` may be tried again, later; \`conflict\` says that something is not in the state that the request needs; what
belongs to somebody else is \`not-found\`, exactly like what doesn't exist. Times are milliseconds since the Unix epoch.

\`\`\`mermaid
sequenceDiagram
  participant C as client
  participant S as server
  C->>S: hello
  S->>C: hello
  C->>S: request login
  S->>C: response: snapshot, resume token
  S->>C: event 1, 2, 3 …
  Note over C,S: the network is lost
  C->>S: hello, request resume (token, last number seen)
  S->>C: event 4, 5 …
  S->>C: response: snapshot, replayed
\`\`\``;
}

function request(name: string, about: string, params: z.ZodType, result: z.ZodType): string {
  const permission = wire.permissionFor[name as wire.RequestName];
  const needs = permission === null || about.includes("Permission") ? "" : ` Permission: \`${permission}\`.`;
  const gives = nameOf(result) ?? (isEmpty(result) ? "an empty object" : undefined);
  return `### \`${name}\`\n\n${about}${needs}\n\n${isEmpty(params) ? "No parameters." : fields(params)}\n\n${gives ? `Result: ${gives}.` : `Result:\n\n${fields(result)}`}`;
}

function isEmpty(schema: z.ZodType): boolean {
  const { def } = schema as unknown as Inside;
  return def.type === "object" && Object.keys(def.shape!).length === 0;
}

/** What zod keeps of a schema. (zod 4, "core.def") */
interface Inside {
  def: {
    type: string; shape?: Record<string, z.ZodType>; options?: z.ZodType[]; element?: z.ZodType; innerType?: z.ZodType; entries?: Record<string, string>;
    values?: unknown[]; defaultValue?: unknown; valueType?: z.ZodType; discriminator?: string;
  };
}

/** The fields of an object as a table, those of a union one after another. */
function fields(schema: z.ZodType): string {
  const { def } = schema as unknown as Inside;
  if (def.type === "union") return def.options!.map(fields).join("\n\nor\n\n");
  if (def.type !== "object") return typeOf(schema);
  return table(["field", "type", "what it is"], Object.entries(def.shape!).map(([name, field]) => {
    const { type, optional, fallback } = unwrapped(field);
    const description = field.description ?? type.description ?? "";
    const shown = scalars.some(([scalar]) => scalar.description === description) ? "" : description;
    return [`\`${name}${optional || fallback !== undefined ? "?" : ""}\``, typeOf(type), [shown, fallback === undefined ? "" : `default ${JSON.stringify(fallback)}`].filter(Boolean).join("; ")];
  }));
}

function unwrapped(schema: z.ZodType): { type: z.ZodType; optional: boolean; fallback: unknown } {
  const { def } = schema as unknown as Inside;
  if (def.type === "optional") return { ...unwrapped(def.innerType!), optional: true };
  if (def.type === "default") return { ...unwrapped(def.innerType!), fallback: def.defaultValue };
  return { type: schema, optional: false, fallback: undefined };
}

function nameOf(schema: z.ZodType): string | undefined {
  const name = Object.entries(named).find(([, one]) => one === schema)?.[0];
  return name && `[${name}](#${name.toLowerCase()})`;
}

function typeOf(schema: z.ZodType): string {
  const scalar = scalars.find(([one]) => one === schema || (schema.description !== undefined && one.description === schema.description))?.[1];
  const known = nameOf(schema) ?? scalar;
  if (known) return known;
  const { def } = schema as unknown as Inside;
  switch (def.type) {
    case "object": return `{ ${Object.entries(def.shape!).map(([name, field]) => `${name}${unwrapped(field).optional ? "?" : ""}: ${typeOf(unwrapped(field).type)}`).join(", ")} }`;
    case "array": return `list of ${typeOf(def.element!)}`;
    case "enum": return Object.values(def.entries!).map((value) => `\`${value}\``).join(" ");
    case "literal": return def.values!.map((value) => `\`${String(value)}\``).join(" ");
    case "union": return def.options!.map(typeOf).join(" or ");
    case "nullable": return `${typeOf(def.innerType!)} or null`;
    case "optional": case "default": return typeOf(def.innerType!);
    case "record": return `map of ${typeOf(def.valueType!)}`;
    default: return def.type;
  }
}

function constants(name: string, values: Record<string, number>): string[][] {
  const about = sentences("bounds.ts", name);
  return Object.entries(values).map(([key, value]) => [`\`${key}\``, String(value), about[`${name}.${key}`] ?? ""]);
}

/** The sentences above the properties of a constant, by `constant.property`. */
function sentences(file: string, constant: string): Record<string, string> {
  const source = ts.createSourceFile(file, readFileSync(join(protocol, file), "utf8"), ts.ScriptTarget.Latest, true);
  const found: Record<string, string> = {};
  const visit = (node: ts.Node) => {
    if (ts.isVariableDeclaration(node) && node.name.getText() === constant) {
      const value = node.initializer && ts.isAsExpression(node.initializer) ? node.initializer.expression : node.initializer;
      if (value && ts.isObjectLiteralExpression(value)) for (const property of value.properties) found[`${constant}.${property.name?.getText()}`] = sentenceOf(property);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function sentenceOf(node: ts.Node): string {
  const comment = ts.getJSDocCommentsAndTags(node).find(ts.isJSDoc)?.comment;
  return (typeof comment === "string" ? comment : ts.getTextOfJSDocComment(comment) ?? "").replace(/\s+/g, " ").trim();
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n");
}

if (import.meta.main) for (const [file, make] of Object.entries(files)) writeFileSync(join(root, file), make());
