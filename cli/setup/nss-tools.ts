import { onPath } from "./on-path.ts";
import { installPackages } from "./packages.ts";
import type { Prerequisite } from "./prerequisite.ts";

/** By which the tests' browsers are told of a private authority. */
export const nssTools: Prerequisite = {
  name: "certutil of NSS (for the tests alone)",
  mend: "apt-get install libnss3-tools",
  find: async () => onPath("certutil"),
  get: (consent) => installPackages(["libnss3-tools"], "certutil is missing; the browsers of the tests are told by it whom to trust.", consent),
};
