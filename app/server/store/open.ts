import type { Config } from "../config.ts";
import type { Logger } from "../log.ts";
import { PostgresDatabase } from "./postgres.ts";
import { SqliteDatabase } from "./sqlite.ts";
import { Store } from "./store.ts";

/**
 * Opens the store of this server's tenant: PostgreSQL when a URL is given, the embedded file otherwise.
 *
 * @param origin what tells this server from others that work on the same database
 * @throws Failure in a sentence
 */
export async function openStore({ databaseUrl, dataDirectory, domain }: Pick<Config, "databaseUrl" | "dataDirectory" | "domain">, origin: string, log: Logger): Promise<Store> {
  const database = databaseUrl === ""
    ? await SqliteDatabase.open({ directory: dataDirectory, tenant: domain, origin })
    : await PostgresDatabase.open({ url: databaseUrl, tenant: domain, origin, log });
  return new Store(database, domain);
}
