import { Agent } from "./agent.ts";
import type { Deployment } from "./deployment.ts";
import { until } from "./until.ts";

/** What a stack is configured with so that `peopleCall` can sign anybody in. */
export const callersSecret = "a-shared-secret-of-the-tests-32-characters";
export const callersConfig = { signIn: { jwtSecret: callersSecret } };

/** People who are signed in, and registered with the switch that they were told of. */
export async function enter(deployment: Deployment, ...users: string[]): Promise<Agent[]> {
  const people: Agent[] = [];
  try {
    for (const user of users) people.push(await Agent.enter(user, { page: deployment.page, secret: callersSecret }));
    await until("their registration", () => people.every(({ registered }) => registered), 5_000);
    return people;
  } catch (error) {
    for (const agent of people) agent.close();
    throw error;
  }
}

/**
 * Two people sign in anew, register with the switch that they are told of, and one calls the other.
 *
 * @param milliseconds in which that must work; a page tries as often
 */
export async function peopleCall(deployment: Deployment, milliseconds = 20_000): Promise<void> {
  let why: unknown;
  await until("two people to sign in and talk", async () => {
    let people: Agent[] = [];
    try {
      people = await enter(deployment, "paula", "quentin");
      return await people[0]!.briefly("quentin") === 200;
    } catch (error) {
      why = error;
      return false;
    } finally {
      for (const agent of people) agent.close();
    }
  }, milliseconds).catch((error: Error) => {
    throw new Error(`${error.message} ${(why as Error | undefined)?.message ?? ""}`);
  });
}
