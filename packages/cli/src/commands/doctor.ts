import {command} from "../command.ts";
import type {Check} from "../doctor/check.ts";
import {runChecks} from "../doctor/runChecks.ts";

const MARKS = {ok: ["ok   ", "green"], warning: ["warn ", "yellow"], broken: ["WRONG", "red"]} as const;

export const doctor = command({
  path: ["doctor"],
  summary: "Check this machine, the home and the daemon; exit 1 when something is broken",
  async run(_values, context) {
    const {output} = context;
    const checks = await runChecks(context);
    const isOk = checks.every(({state}) => state !== "broken");
    output.data({ok: isOk, checks}, () => checks.map((check) => line(check, output.paint)).join(""));
    return isOk ? 0 : 1;
  },
});

function line(
  {name, state, detail, fix}: Check,
  paint: (text: string, style: "green" | "yellow" | "red") => string,
): string {
  const [text, style] = MARKS[state];
  return `${paint(text, style)}  ${name}: ${detail}\n${fix === undefined ? "" : `       ${fix}\n`}`;
}
