import { z } from "zod";
import { call, party } from "./calls.ts";
import { errorCode, type ErrorCode } from "./frames.ts";
import { person } from "./people.ts";
import { account, pastCall, restError, roomSettings, routes, token, type Route } from "./rest.ts";

/** HTTP status of each error code. (RFC 9110, section 15) */
export const statusOf: Readonly<Record<ErrorCode, number>> = {
  "bad-request": 400, "version": 400, "unauthorized": 401, "forbidden": 403, "not-found": 404, "conflict": 409, "too-many": 429, "internal": 500, "unavailable": 503,
};

const named = { Account: account, Call: call, Error: restError, Party: party, PastCall: pastCall, Person: person, Room: roomSettings, Token: token };

/** The REST API described by the schemas that check it. (OpenAPI 3.1.1) */
export function openApi(): Record<string, unknown> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id });
  const inside = (schema: z.ZodType, io: "input" | "output") => {
    const made = z.toJSONSchema(schema, { io, metadata: registry, override: describe });
    delete made.$schema;
    delete made.$defs;
    return JSON.parse(JSON.stringify(made).replaceAll("#/$defs/", "#/components/schemas/")) as Record<string, unknown>;
  };
  const components = z.toJSONSchema(registry, { io: "output", uri: (id) => `#/components/schemas/${id}`, override: describe }).schemas as Record<string, Record<string, unknown>>;
  for (const schema of Object.values(components)) {
    delete schema.$schema;
    delete schema.$id;
    delete schema.id;
  }
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [name, route] of Object.entries(routes) as [string, Route][]) (paths[route.at] ??= {})[route.method.toLowerCase()] = operation(name, route, inside);
  return {
    openapi: "3.1.1",
    info: { title: "Houseline", version: "1", summary: "Administration of people, tokens and rooms; calls for other servers.", license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    servers: [{ url: "/api" }],
    security: [{ bearer: [] }],
    paths,
    components: { schemas: components, securitySchemes: { bearer: { type: "http", scheme: "bearer", description: "an API token ('hl_…') or a JWT of the company's application" } } },
  };
}

/** Descriptions stand in zod's own registry, names in ours. */
function describe({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodType; jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  const description = z.globalRegistry.get(zodSchema as z.ZodType)?.description;
  if (description !== undefined && jsonSchema.$ref === undefined) jsonSchema.description ??= description;
}

function operation(operationId: string, { about, permission, path, query, body, status, result }: Route, inside: (schema: z.ZodType, io: "input" | "output") => unknown) {
  const parameters = [["path", path], ["query", query]] as const;
  const failures = ["bad-request", "unauthorized", "forbidden", "not-found", "conflict", "too-many", "unavailable"] as const satisfies readonly z.infer<typeof errorCode>[];
  return {
    operationId,
    summary: about,
    ...(permission === null ? { security: [] } : { description: `Permission \`${permission}\`.` }),
    parameters: parameters.flatMap(([place, schema]) => Object.entries(schema.shape as Record<string, z.ZodType>).map(([name, one]) =>
      ({ name, in: place, required: place === "path", schema: inside(one, "input") }))),
    ...(body ? { requestBody: { required: true, content: { "application/json": { schema: inside(body, "input") } } } } : {}),
    responses: {
      [status]: { description: status === 204 ? "Done." : "The answer.", ...(result ? { content: { "application/json": { schema: inside(result, "output") } } } : {}) },
      ...(permission === null ? {} : Object.fromEntries(failures.map((code) => [statusOf[code], { description: code, content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } } }]))),
    },
  };
}
