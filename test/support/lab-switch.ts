import { spawn, type ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EslLink } from "../../app/server/switch/esl-link.ts";
import { TestDirectory, type Person } from "../freeswitch/directory.ts";
import { freePorts } from "./ports.ts";
import { until } from "./until.ts";

/** The lab switch as a process on ports of its own, with a directory that knows some people. */
export class LabSwitch {
  readonly url: string;
  readonly esl: EslLink;
  readonly child: ChildProcess;
  /** What it has logged. */
  output = "";
  readonly #folder: string;
  readonly #directory: TestDirectory;

  private constructor(folder: string, directory: TestDirectory, child: ChildProcess, port: number, events: string) {
    this.#folder = folder;
    this.#directory = directory;
    this.child = child;
    this.url = `ws://127.0.0.1:${port}`;
    this.esl = new EslLink("127.0.0.1", port + 1, "esl-password", events);
    child.stdout!.setEncoding("utf8").on("data", (text: string) => { this.output += text; });
  }

  /** @param events what is listened to over ESL */
  static async start(domain: string, people: Person[], events: string, environment: Record<string, string> = {}): Promise<LabSwitch> {
    const folder = await mkdtemp(join(tmpdir(), "houseline-lab-"));
    for (const [file, text] of [["run/slot", "0"], ["secrets/esl-password", "esl-password"], ["secrets/directory-password", "directory-password"]] as const) {
      await mkdir(join(folder, file, ".."), { recursive: true });
      await writeFile(join(folder, file), text);
    }
    const directory = new TestDirectory(domain, "directory-password", people);
    const directoryUrl = await directory.listen();
    const port = await freePorts(2);
    const child = spawn(process.execPath, [join(import.meta.dirname, "../../app/lab-switch/main.ts")], {
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        PATH: process.env.PATH, HOUSELINE_RUN_DIR: join(folder, "run"), HOUSELINE_SECRETS_DIR: join(folder, "secrets"), HOUSELINE_DOMAIN: domain,
        HOUSELINE_DIRECTORY_URLS: directoryUrl, HOUSELINE_WS_PORT: String(port), HOUSELINE_ESL_PORT: String(port + 1), ...environment,
      },
    });
    const lab = new LabSwitch(folder, directory, child, port, events);
    lab.esl.start();
    await until("ESL", () => lab.esl.up);
    return lab;
  }

  async close(): Promise<void> {
    this.esl.close();
    this.child.kill("SIGKILL");
    await this.#directory.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
