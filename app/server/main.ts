import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import { readConfig } from "./config.ts";
import { SwitchDirectory } from "./directory/directory.ts";
import { Failure } from "./failure.ts";
import { createDirectoryServer } from "./http/directory-server.ts";
import { createWeb } from "./http/web.ts";
import { createLog } from "./log.ts";
import { openStore } from "./store/open.ts";
import { Telephone } from "./telephone.ts";

/** A drain that takes longer is cut off: Docker's own limit comes a little later. */
const drainMs = 9_000;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog(config.logLevel);
  const server = randomUUID();
  const store = await openStore(config, server, log);
  const telephone = new Telephone(config, store, log, server);
  await telephone.load(config.demoPassword);
  const directory = createDirectoryServer(config, new SwitchDirectory(config, telephone), log);
  const web = createWeb(config, telephone, store, log);
  await listen(directory, config.directoryPort, config.privateAddress);
  telephone.start();
  await listen(web, config.port, "127.0.0.1");
  log.info({ slot: config.slot, port: config.port, directory: config.directoryPort, people: telephone.people.size }, "ready");

  let stopping = false;
  const stop = (signal: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, "draining");
    setTimeout(() => process.exit(0), drainMs).unref();
    void telephone.drain().then(() => {
      telephone.close();
      web.close();
      directory.close();
      web.closeAllConnections();
      directory.closeAllConnections();
      void store.close().then(() => {
        log.info("gone");
        process.exit(0);
      });
    });
  };
  process.on("SIGTERM", () => stop("SIGTERM"));
  process.on("SIGINT", () => stop("SIGINT"));
}

function listen(server: Server, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(new Failure(`Port ${port} on ${address} can't be listened on (${error.code}).`)));
    server.listen(port, address, resolve);
  });
}

try {
  await main();
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  process.stderr.write(`app-server: ${error.message}\n`);
  process.exit(1);
}
