import { join } from "node:path";

/** The root of this copy of Houseline. */
export const root = join(import.meta.dirname, "..");
/** What Houseline got or made for itself: tools, state of stacks, logs. Never committed. */
export const stateDirectory = join(root, ".houseline");
/** Tools that this machine lacked. */
export const toolsDirectory = join(stateDirectory, "tools");
/** Executables among them; first on the PATH of everything that is run. */
export const binDirectory = join(toolsDirectory, "bin");
/** Pulumi's own directory: plugins and credentials of stacks that live here alone. */
export const pulumiHome = join(stateDirectory, "pulumi");
export const logDirectory = join(stateDirectory, "log");
/** What a stack of this machine keeps: state, secrets, records, people's data. */
export const stackDirectory = (stack: string) => join(stateDirectory, "stacks", stack);
