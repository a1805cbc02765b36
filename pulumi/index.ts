import { RunError } from "@pulumi/pulumi";
import { houseline } from "./program.ts";
import { Refusal } from "./refusal.ts";

/** What `pulumi up` runs. (Pulumi wants a default export alone; what else the program offers is in program.ts.) */
export default async () => {
  try {
    return await houseline();
  } catch (error) {
    // A sentence for whoever deploys: the engine shows it without a stack trace.
    if (error instanceof Refusal) throw new RunError(error.message);
    throw error;
  }
};
