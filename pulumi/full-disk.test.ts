import { expect, it } from "vitest";
import { fullDisk } from "./full-disk.ts";

it.each([
  ["Error response from daemon: mkdir /var/lib/docker/overlay2/ab12-init: no space left on device", "/var/lib/docker/overlay2/ab12-init"],
  ["ENOSPC: no space left on device, mkdir '/srv/houseline/stacks/local'", "/srv/houseline/stacks/local"],
  ["ENOSPC: no space left on device, write, '/srv/houseline/secrets.json'", "/srv/houseline/secrets.json"],
  ["failed to save snapshot: An IO error occurred while saving: writing: write /srv/state/.pulumi/stacks/a.json: no space left on device", "/srv/state/.pulumi/stacks/a.json"],
])("a full disk is named by its place: %s", (message, path) => {
  expect(fullDisk(message)).toContain(`The disk with ${path} is full. Free some of it`);
});

it("a full disk without a place, and what is none", () => {
  expect(fullDisk("write: no space left on device")).toContain("The disk that Docker or this stack's state is on is full");
  expect(fullDisk("connection refused")).toBeUndefined();
});
