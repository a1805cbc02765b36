import type { Params, RequestName, Result } from "../../protocol/wire.ts";
import type { Session } from "../sessions/session.ts";

/** Who asks: a session, or somebody by another way. `may` is what this sign-in allows, which an API token can make less than the person's role does. */
export type Asking = Pick<Session, "user" | "id" | "may">;

/** Answers a request of a session; its parameters were checked. Throws RequestError for an answer that is an error. */
export type Handlers<Names extends RequestName> = { [Name in Names]: (asking: Asking, params: Params<Name>) => Promise<Result<Name>> | Result<Name> };
