import { createServer } from "node:net";

/** The first of `count` ports in a row that nobody listens on, below the range from which the kernel gives out its own. */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const base = 18_000 + Math.floor(Math.random() * (32_000 - 18_000 - count));
    if (await areFree(base, count)) return base;
  }
  throw new Error(`No ${count} free ports in a row were found.`);
}

async function areFree(base: number, count: number): Promise<boolean> {
  const servers = await Promise.all(Array.from({ length: count }, (_, index) => new Promise<ReturnType<typeof createServer> | undefined>((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined)).listen(base + index, "127.0.0.1", () => resolve(server));
  })));
  await Promise.all(servers.map((server) => server && new Promise((resolve) => server.close(resolve))));
  return servers.every(Boolean);
}
