import { dockerClient } from "../../cli/setup/docker-engine.ts";
import { ensureImages, planImages, takeInventory } from "../../pulumi/images.ts";
import { readSettings } from "../../pulumi/settings.ts";
import { chooseSwitch } from "../../pulumi/switch-choice.ts";

/** The relay's image, built when it is not there yet. */
export async function relayImage(): Promise<string> {
  const client = dockerClient();
  const settings = readSettings({ switch: { kind: "freeswitch" }, freeswitch: { apt: "deb https://apt.example.com bookworm main" }, turn: { enabled: true } }, {}, "the relay's stack");
  const inventory = await takeInventory(client);
  const turn = planImages(settings, chooseSwitch(settings), inventory).turn!;
  await ensureImages(client, [turn], settings, inventory, () => {});
  return turn.reference;
}
