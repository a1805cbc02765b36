import type { ParamsInput, RequestName, Result } from "../protocol/wire.ts";

/** Sends a request over the control connection. */
export type Request = <Name extends RequestName>(name: Name, params: ParamsInput<Name>) => Promise<Result<Name>>;
