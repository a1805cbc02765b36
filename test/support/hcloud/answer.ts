/** Status of each error that the API documents, or that its clients know of. (docs.hetzner.cloud, "Errors") */
const statuses = {
  json_error: 400, unauthorized: 401, forbidden: 403, token_readonly: 403, resource_limit_exceeded: 403, not_found: 404,
  uniqueness_error: 409, conflict: 409, resource_in_use: 409, placement_error: 409, server_already_attached: 409, ip_not_available: 409, networks_overlap: 409,
  primary_ip_assigned: 409, primary_ip_version_mismatch: 409, no_subnet_available: 409,
  invalid_input: 422, invalid_server_type: 422, service_error: 422, server_not_stopped: 422, unsupported_error: 422, locked: 423, protected: 423, rate_limit_exceeded: 429,
  server_error: 500, bad_gateway: 502, unavailable: 503, timeout: 504,
};

export type Code = keyof typeof statuses;

/** An error as the API tells it. */
export class ApiError extends Error {
  readonly code: Code;
  readonly details: unknown;

  constructor(code: Code, message: string, details: unknown = null) {
    super(message);
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return statuses[this.code];
  }

  get body(): object {
    return { error: { code: this.code, message: this.message, details: this.details } };
  }
}

/** What a field of a request lacks. */
export function invalid(field: string, message: string): ApiError {
  return new ApiError("invalid_input", `invalid input in field '${field}'`, { fields: [{ name: field, messages: [message] }] });
}

export interface Answer { status: number; body?: unknown }
export type Body = Record<string, unknown>;
/** A request that has a route; `id` is 0 where its path has none. */
export interface Asked { id: number; query: URLSearchParams; body: Body }
/** What of the API a group of resources answers, as `POST /servers/:id/actions/poweroff`. */
export type Routes = Record<string, (asked: Asked) => Answer | Promise<Answer>>;

export const ok = (body: unknown): Answer => ({ status: 200, body });
export const created = (body: unknown): Answer => ({ status: 201, body });
export const noContent: Answer = { status: 204 };
