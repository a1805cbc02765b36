import { runDocker, type DockerClient } from "./docker-cli.ts";

/** A call that somebody has on a switch. */
export interface Talk { people: string; since: string }

const command = "show channels as json";
/** The lab switch has no client of its own: its event socket is asked from within, where the password is. */
const askLabSwitch = `read -r slot < /run/houseline/slot
exec 3<>"/dev/tcp/\${HOUSELINE_PRIVATE_IP:-127.0.0.1}/$((HOUSELINE_ESL_PORT + slot))"
printf 'auth %s\\n\\napi ${command}\\n\\nexit\\n\\n' "$(cat /run/secrets/esl-password)" >&3
timeout 3 cat <&3`;

interface Row { call_uuid: string; uuid: string; presence_id: string; created: string }

/** Who talks on a running switch; nothing where that can't be asked. */
export async function talksIn({ client, id, role }: { client: DockerClient; id: string; role: string }): Promise<Talk[] | undefined> {
  const words = role === "freeswitch" ? ["fs_cli", "-x", command] : role === "lab-switch" ? ["bash", "-c", askLabSwitch] : undefined;
  if (words === undefined) return undefined;
  const { code, stdout } = await runDocker(client, ["exec", id, ...words], { timeoutSeconds: 5 });
  const json = /^\{.*"row_count".*\}$/m.exec(stdout)?.[0];
  if (code !== 0 || json === undefined) return undefined;
  try {
    const { rows = [] } = JSON.parse(json) as { rows?: Row[] };
    const calls = Map.groupBy(rows, (row) => row.call_uuid || row.uuid);
    return [...calls.values()].map((legs) => ({ people: [...new Set(legs.map(({ presence_id }) => presence_id.split("@")[0]!))].filter(Boolean).join(" and ") || "somebody", since: legs[0]!.created }));
  } catch {
    return undefined;
  }
}
