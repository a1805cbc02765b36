import { plannedOfLabStack } from "./engine.ts";

/** The images that nearly every stack of the tests is made of, built before two files at once find that they are missing. */
export default async function setUp(): Promise<void> {
  await plannedOfLabStack();
}
