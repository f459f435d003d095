import {command} from "../command.ts";
import type {Io} from "../io.ts";
import type {Output} from "../output/output.ts";

type DemoOptions = {readonly keep: boolean; readonly json: boolean; readonly logLevel: string | undefined};
/** The exit code. */
type RunDemo = (options: DemoOptions, place: {readonly io: Io; readonly output: Output}) => Promise<number>;

const MODULE: string = new URL("../demo/runDemo.js", import.meta.url).href;

export const demo = command({
  path: ["demo"],
  summary: "Five daemons, one market, real models, a ledger on a chain: the whole thing, narrated",
  flags: {keep: {kind: "switch", describe: "Leave everything running at the end and say what to try"}},
  async run({keep}, {io, globals, output}) {
    // The demo brings the chain's libraries: only this command loads them.
    const {runDemo} = (await import(MODULE)) as {runDemo: RunDemo};
    return await runDemo({keep, json: globals.json, logLevel: globals.logLevel}, {io, output});
  },
});
