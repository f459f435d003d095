import {command} from "../command.ts";

export const demo = command({
  path: ["demo"],
  summary: "Five daemons, one market, real models, a ledger on a chain: the whole thing, narrated",
  flags: {keep: {kind: "switch", describe: "Leave everything running at the end and say what to try"}},
  async run({keep}, {io, globals, output}) {
    // The demo brings the chain's libraries: only this command loads them.
    const {runDemo} = await import("../demo/runDemo.ts");
    return await runDemo({keep, json: globals.json, logLevel: globals.logLevel}, {io, output});
  },
});
