/** The floor: a Pulumi program that deploys nothing, brought up as Houseline brings up its own. Argument: a directory for its state. */
import { LocalWorkspace } from "@pulumi/pulumi/automation/index.js";

const directory = process.argv[2]!;
const stack = await LocalWorkspace.createOrSelectStack({ stackName: "floor", projectName: "floor", program: async () => ({}) }, {
  workDir: directory,
  projectSettings: { name: "floor", runtime: "nodejs", backend: { url: `file://${directory}` } },
  envVars: { PULUMI_CONFIG_PASSPHRASE: "floor", PULUMI_SKIP_UPDATE_CHECK: "true", PULUMI_BACKEND_URL: `file://${directory}` },
});
await stack.up();
