import type { Params } from "../../protocol/wire.ts";
import type { Drain } from "../drain.ts";
import type { Logger } from "../log.ts";
import { RequestError, type Connection, type Prepared } from "../sessions/connection.ts";
import type { Session } from "../sessions/session.ts";
import type { Sessions } from "../sessions/sessions.ts";
import type { SignedIn, SignIn } from "../sign-in.ts";
import type { Snapshots } from "../snapshots.ts";

interface Parts {
  sessions: Sessions;
  snapshots: Snapshots;
  signIn: SignIn;
  drain: Drain;
  log: Logger;
  /** The socket is the session's from now on. */
  adopt(connection: Connection, session: Session): void;
}

export type OpeningRequest = "login" | "loginWithToken" | "resume";

/** What a socket asks before it has a session. */
export function openingRequests({ sessions, snapshots, signIn, drain, log, adopt }: Parts) {
  return {
    async login(connection: Connection, params: Params<"login">): Promise<Prepared> {
      refuseWhileDraining();
      return begin(connection, await signIn.byPassword(params, connection));
    },

    async loginWithToken(connection: Connection, params: Params<"loginWithToken">): Promise<Prepared> {
      refuseWhileDraining();
      return begin(connection, await signIn.byToken(params, connection));
    },

    async resume(connection: Connection, { resumeToken, lastSeq, knowsPeople }: Params<"resume">): Promise<Prepared> {
      refuseWhileDraining();
      const resumed = await sessions.resume(resumeToken, lastSeq, connection);
      if (!resumed) throw new RequestError("not-found", "The session has ended: sign in again.");
      const { session, whole, knewPeople } = resumed;
      log.info({ user: session.user, session: session.id, lastSeq, whole }, "session resumed");
      adopt(connection, session);
      return snapshots.of(session, { replayed: whole, people: !(knowsPeople && whole && knewPeople) });
    },
  };

  function refuseWhileDraining(): void {
    if (drain.begun) throw new RequestError("unavailable", "This release of the server is going: come back at once.");
  }

  async function begin(connection: Connection, { user, apiToken }: SignedIn): Promise<Prepared> {
    const session = await sessions.begin(user, connection, apiToken);
    log.info({ user, session: session.id, address: connection.address }, "signed in");
    adopt(connection, session);
    return snapshots.of(session);
  }
}
