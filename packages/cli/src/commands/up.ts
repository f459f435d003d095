import {command} from "../command.ts";
import type {FlagSpec, FlagSpecs} from "../flagSpec.ts";
import {UP_ROWS} from "../up/upFlags.ts";

/** The flags of `up` are the rows of the settings. */
const SETTING_FLAGS: FlagSpecs = Object.fromEntries(
  UP_ROWS.map(({name, spec}): [string, FlagSpec] => [name, spec]),
);

export const up = command({
  path: ["up"],
  summary: "Start the node in the foreground; makes the home on first use",
  examples: [
    "up",
    "up --role provider --price ocr=800uctz+2000uctz",
    "up --home ./two --join /ip4/192.0.2.7/tcp/4150/p2p/12D3Koo…",
  ],
  flags: SETTING_FLAGS,
  async run(values, context) {
    const {runDaemon} = await import("../up/runDaemon.ts");
    return await runDaemon(context, values);
  },
});
