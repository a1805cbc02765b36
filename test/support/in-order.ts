import { basename } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Long scenes: what most depends on first, since the last may find no time left. Other files follow as vitest has them. */
const order = ["plain-pulumi", "several-hosts", "interrupted", "hcloud", "check-images", "engine", "publish", "several-application-servers"];

export class InOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => order.indexOf(basename(moduleId, ".test.ts"));
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}
