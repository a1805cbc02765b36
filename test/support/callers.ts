import { Agent } from "./agent.ts";
import type { Deployment } from "./deployment.ts";
import { MediaProcess } from "./media.ts";
import { until } from "./until.ts";

/** What a stack is configured with so that these people can sign in. */
const secret = "a-shared-secret-of-the-tests-32-characters";
export const callersConfig = { signIn: { jwtSecret: secret } };

/** Paula and Quentin sign in anew, register with the switch that they are told of, do something, and leave. */
export async function withTwoPeople<T>(deployment: Deployment, use: (paula: Agent, quentin: Agent) => Promise<T>): Promise<T> {
  const voices = new MediaProcess();
  const people: Agent[] = [];
  try {
    for (const user of ["paula", "quentin"]) people.push(await Agent.enter(user, { page: deployment.page, secret, voices }));
    await until("their registration", () => people.every(({ registered }) => registered), 5_000);
    return await use(people[0]!, people[1]!);
  } finally {
    for (const agent of people) agent.close();
    voices.close();
  }
}

/**
 * One of the two calls the other, who answers.
 *
 * @param milliseconds in which that must work; a page tries as often
 */
export async function peopleCall(deployment: Deployment, milliseconds = 20_000): Promise<void> {
  let why: unknown;
  await until("two people to sign in and talk", async () => {
    try {
      return await withTwoPeople(deployment, async (paula) => await paula.briefly("quentin") === 200);
    } catch (error) {
      why = error;
      return false;
    }
  }, milliseconds).catch((error: Error) => {
    throw new Error(`${error.message} ${(why as Error | undefined)?.message ?? ""}`);
  });
}
