/** The switches that a scene is played on: the lab switch always, FreeSWITCH whenever a source of its packages is configured. */
export const switches = [
  { name: "the lab switch", config: { switch: { kind: "lab" } }, role: "lab-switch", image: "labSwitch", skip: false },
  {
    name: process.env.HOUSELINE_FREESWITCH_APT ? "FreeSWITCH" : "FreeSWITCH (skipped: set HOUSELINE_FREESWITCH_APT to a line of an apt source with its packages)",
    config: { switch: { kind: "freeswitch" } }, role: "freeswitch", image: "freeswitch", skip: !process.env.HOUSELINE_FREESWITCH_APT,
  },
] as const;
