import { createServer } from "node:net";
import { bounds } from "./bounds.ts";
import { Registrar } from "./calls/registrar.ts";
import { Switchboard } from "./calls/switchboard.ts";
import { ConfigError, readConfig } from "./config.ts";
import { Directory } from "./directory/directory.ts";
import { EslConnection } from "./esl/connection.ts";
import { Events } from "./events.ts";
import { log } from "./log.ts";
import { Dispatch } from "./sip/dispatch.ts";
import { SipServer } from "./sip/server.ts";

const heartbeatSeconds = 20;
/** Milliseconds in which pages that are handed another switch get there: their calls are taken meanwhile. */
const movingMs = 10_000;
/** The same in which a switch without a call does not end. */
const leavingMs = 3_000;

async function main(): Promise<void> {
  const config = readConfig();
  const events = new Events();
  const directory = new Directory({ urls: config.directoryUrls, password: config.directoryPassword, domain: config.domain, log });
  const registrar = new Registrar(config.domain, events);
  const switchboard = new Switchboard(config, directory, registrar, events, log);
  const globals = new Map([["core_uuid", events.coreUuid], ["domain", config.domain]]);
  const dispatch = new Dispatch(config.domain, directory, registrar, switchboard, log);
  const sip = new SipServer(`${config.wsHost}:${config.wsPort}`, {
    request: (socket, _request, transaction) => dispatch.request(socket, transaction),
    close(socket) {
      registrar.removeSocket(socket);
      switchboard.lose(socket);
    },
  });

  const clients = new Set<EslConnection>();
  const esl = createServer((socket) => {
    if (clients.size >= bounds.eslConnections) return void socket.destroy();
    const client = new EslConnection(socket, { config, switchboard, registrar, directory, events, globals });
    clients.add(client);
    socket.on("close", () => clients.delete(client));
  });
  await sip.listen(config.wsHost, config.wsPort);
  await new Promise<void>((resolve, reject) => esl.once("error", reject).listen(config.eslPort, config.eslHost, resolve));
  setInterval(() => events.emit("HEARTBEAT", { "Session-Count": String(switchboard.legs.length), "Up-Time": "" }), heartbeatSeconds * 1_000).unref();
  log("ready", { slot: config.slot, sip: config.wsPort, esl: config.eslPort });

  let draining = false;
  const leave = () => {
    events.emit("SHUTDOWN");
    for (const client of clients) client.close();
    esl.close();
    void sip.close().then(() => {
      log("gone");
      process.exit(0);
    });
  };
  const drain = () => {
    if (draining) return;
    draining = true;
    setTimeout(() => { switchboard.draining = true; }, movingMs).unref();
    setTimeout(() => {
      switchboard.onIdle = whenIdle;
      whenIdle();
    }, leavingMs);
    globals.set("houseline_draining", "true");
    events.emit("SHUTDOWN_REQUESTED", { "Event-Info": "System Shutting Down" });
    log("draining", { legs: switchboard.legs.length, limitSeconds: config.drainSeconds });
    // People learn meanwhile where to register next.
    const whenIdle = () => {
      if (switchboard.legs.length === 0) setTimeout(() => switchboard.legs.length === 0 && leave(), 1_000);
    };
    setTimeout(() => {
      for (const leg of switchboard.legs) switchboard.hangUp(leg, "NORMAL_CLEARING");
      leave();
    }, config.drainSeconds * 1_000).unref();
  };
  process.on("SIGTERM", drain);
  process.on("SIGINT", drain);
}

try {
  await main();
} catch (error) {
  const known = error instanceof ConfigError || (error as NodeJS.ErrnoException).code === "EADDRINUSE";
  if (!known) throw error;
  process.stderr.write(`lab-switch: ${(error as Error).message}\n`);
  process.exit(1);
}
