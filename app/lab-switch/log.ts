/** One line of JSON an event, on standard output. Callers pass what may be read by anybody: never a password, nonce or digest. */
export type Log = (event: string, fields?: Record<string, string | number | boolean | undefined>) => void;

export const log: Log = (event, fields = {}) => {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), part: "lab-switch", event, ...fields })}\n`);
};

export const silent: Log = () => {};
