/** Everything that commonly goes wrong, each as one check with what to do about it. */
import {toCodedError} from "@catalyze/core/errors/codedError";
import type {CommandContext} from "../context.ts";
import type {Check} from "./check.ts";
import {daemonChecks} from "./daemonChecks.ts";
import {homeChecks} from "./homeChecks.ts";
import {machineChecks} from "./machineChecks.ts";

export async function runChecks(context: CommandContext): Promise<readonly Check[]> {
  const groups = [machineChecks, homeChecks, daemonChecks];
  const checks: Check[] = [];
  for (const group of groups) {
    try {
      checks.push(...(await group(context)));
    } catch (error) {
      // A check that fails to run is a finding of its own.
      const {message, row} = toCodedError(error);
      checks.push({name: "check", state: "broken", detail: message, fix: row.hint});
    }
  }
  return checks;
}
