import { readFileSync } from "node:fs";
import { join } from "node:path";
import { docker } from "../../../pulumi/docker-cli.ts";
import { withSavedImage, type SavedImage } from "../../../pulumi/image-archive.ts";
import { repositoryRoot, type Image, type ImageName } from "../../../pulumi/images.ts";
import { shortName } from "../../../pulumi/containers.ts";
import { ownLayerCount } from "../../../pulumi/reproducible-image.ts";
import { Failure } from "../../failure.ts";
import { stateDirectory } from "../../paths.ts";
import { say, step } from "../../terminal.ts";
import { writeWhole } from "../../whole-file.ts";
import type { ImagesContext } from "../index.ts";
import { filesOf } from "./contents.ts";
import { probe } from "./probe.ts";
import { packagesOf, spdx } from "./sbom.ts";
import { knownSecrets, secretsIn } from "./secrets.ts";
import { trackerData, vulnerabilities } from "./vulnerabilities.ts";

/** What an image is allowed to weigh, in megabytes before compression: what lies above its base image. */
const budgetsPath = join(repositoryRoot, "images", "budgets.json");
/** Never started: what they hold is mounted by others. */
const data: readonly ImageName[] = ["secrets", "freeswitch-sound"];
/** With dpkg in it. */
const debian = "debian:bookworm-slim";

export interface CheckedImage { image: ImageName; findings: string[]; notes: string[]; sbomPath: string }

/** `./houseline images --check`: every check of every image that is there; exits with 1 when one fails. */
export async function check(context: ImagesContext): Promise<number> {
  const images = context.images.filter(({ reference }) => context.inventory.images.has(reference));
  if (images.length < context.images.length) throw new Failure("Not every image is there. Type './houseline images --build' first.");
  const checked = await checkImages(context, images);
  if (context.json) say(JSON.stringify(checked, null, 2));
  else report(checked);
  return checked.every(({ findings }) => findings.length === 0) ? 0 : 1;
}

/** All at once: for most of it a container is waited for, to be healthy and then to end. */
export async function checkImages(context: ImagesContext, images: readonly Image[]): Promise<CheckedImage[]> {
  const tracker = await trackerData();
  return Promise.all(images.map((image) => step(`Checking ${image.reference}`, (note) => checkOne(context, image, tracker, note))));
}

async function checkOne({ client, settings, inventory }: ImagesContext, image: Image, tracker: Awaited<ReturnType<typeof trackerData>>, note: (what: string) => void): Promise<CheckedImage> {
  const id = (await docker(client, ["image", "inspect", "--format", "{{.Id}}", image.reference])).trim();
  note("reading its layers");
  const { findings, packages } = await withSavedImage(client, image.reference, async (saved) => {
    const files = filesOf(saved.layers);
    const own = saved.layers.slice(await ownLayerCount(client, image.bases, saved.config.rootfs.diff_ids));
    return {
      packages: packagesOf(files),
      findings: [
        ...(data.includes(image.name) ? [] : configViolations(saved)),
        ...[...files.values()].filter(({ type, mode }) => type === "0" && (mode & 0o6000) !== 0).map(({ path }) => `${path} is setuid or setgid: who runs it gains rights.`),
        // Of a ready-made image it isn't known what of it is a base image's.
        ...!image.built ? [] : budgetViolations(image.name, own.reduce((sum, { length }) => sum + length, 0)),
        ...secretsIn(saved, knownSecrets(settings)),
      ],
    };
  });
  const sbomPath = join(stateDirectory, "images", `${image.name}-${shortName(image.reference)}.spdx.json`);
  // Another command may be reading it: it publishes the same image.
  writeWhole(sbomPath, spdx(image.name, image.reference, id, packages));
  const notes: string[] = [];
  if (typeof tracker === "string") notes.push(`known vulnerabilities: not checked, ${tracker}`);
  else {
    const { mended, open } = await vulnerabilities(client, debian, tracker, packages);
    findings.push(...mended);
    notes.push(`known vulnerabilities: ${open} that Debian has not mended yet`);
  }
  const secrets = [...inventory.images.keys()].findLast((reference) => reference.startsWith("houseline/secrets:"));
  if (!data.includes(image.name)) {
    if (secrets === undefined) throw new Failure("The image 'secrets' is not there, which the checks start the others with. Type './houseline images --build' first.");
    findings.push(...await probe(client, image, settings, secrets, note));
  }
  return { image: image.name, findings, notes, sbomPath };
}

function configViolations({ config }: SavedImage): string[] {
  const { User: user, Healthcheck: health } = config.config as { User?: string; Healthcheck?: { Test?: string[] } };
  return [
    ...(user !== undefined && /^[1-9]\d*(:\d+)?$/.test(user) ? [] : [`its user is ${user ? `'${user}'` : "not set"}: started by hand it would be root. Its Dockerfile must end with USER 10001:10001.`]),
    ...(health?.Test && health.Test[0] !== "NONE" ? [] : ["it has no health check (HEALTHCHECK in its Dockerfile)."]),
  ];
}

function budgetViolations(name: ImageName, bytes: number): string[] {
  const { own } = (JSON.parse(readFileSync(budgetsPath, "utf8")) as Record<ImageName, { own: number }>)[name];
  return bytes <= own * 1e6 ? [] : [`it adds ${(bytes / 1e6).toFixed(1)} MB to its base image; images/budgets.json allows ${own} MB. Make it smaller, or raise the budget where a reviewer sees it.`];
}

export function report(checked: readonly CheckedImage[]): void {
  for (const { image, findings, notes, sbomPath } of checked) {
    say(`  ${image.padEnd(17)} ${findings.length === 0 ? "passed" : `failed ${findings.length === 1 ? "a check" : `${findings.length} checks`}`}; packages in ${sbomPath}`);
    for (const finding of findings) say(`    ${finding}`);
    for (const note of notes) say(`    ${note}`);
  }
}
