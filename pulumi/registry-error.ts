import { Refusal } from "./refusal.ts";

/** What a registry answers when it refuses. (OCI Distribution Specification, "Error Codes") */
interface ErrorBody { errors?: { code?: string; message?: string }[] }

/** A sentence for an answer that is neither a success nor worth another try. */
export async function refused(host: string, what: string, response: Response): Promise<Refusal> {
  const text = (await response.text().catch(() => "")).slice(0, 10_000);
  let reason = "";
  try {
    reason = (JSON.parse(text) as ErrorBody).errors?.map(({ code, message }) => message ?? code).join("; ") ?? "";
  } catch {
    // No JSON: the status says it.
  }
  const status = `HTTP ${response.status}${reason === "" ? "" : `, ${reason.slice(0, 300)}`}`;
  if (response.status === 401 || response.status === 403) {
    return new Refusal(`The registry ${host} does not let us ${what} (${status}). Give HOUSELINE_REGISTRY_USER and HOUSELINE_REGISTRY_PASSWORD, or type 'docker login ${host}'.`);
  }
  return new Refusal(`The registry ${host} refused to ${what} (${status}).`);
}
