import type { Params, RequestName, Result } from "../../protocol/wire.ts";
import type { Session } from "../sessions/session.ts";

/** Answers a request of a session; its parameters were checked. Throws RequestError for an answer that is an error. */
export type Handlers<Names extends RequestName> = { [Name in Names]: (session: Pick<Session, "user" | "id">, params: Params<Name>) => Promise<Result<Name>> | Result<Name> };
