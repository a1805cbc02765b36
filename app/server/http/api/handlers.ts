import type { RestRequest, RestResult, RouteName } from "../../../protocol/rest.ts";
import type { Caller } from "../../sign-in.ts";

/** Answers a request of the REST API whose parts were checked and whose caller has the route's permission. Throws RequestError for an answer that is an error. */
export type ApiHandlers<Names extends RouteName> = { [Name in Names]: (request: RestRequest<Name>, caller: Caller) => Promise<RestResult<Name>> | RestResult<Name> };
