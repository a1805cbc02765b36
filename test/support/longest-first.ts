import { basename } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files of minutes, the longest first: one that began last would be waited for alone. The others follow as vitest has them. */
const longest = ["publish", "engine", "several-application-servers", "several-hosts", "deploy", "interrupted", "hcloud", "check-images", "plain-pulumi", "empty-host", "addresses"];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = longest.indexOf(basename(moduleId, ".test.ts"));
      return place === -1 ? longest.length : place;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}
