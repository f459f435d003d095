import {CodedError} from "@catalyze/core/errors/codedError";
import type {Command} from "../command.ts";
import {command} from "../command.ts";
import {completionScript, SHELLS} from "../output/completionScript.ts";
import type {GroupSummaries} from "../parseArgs.ts";

type Table = {readonly commands: readonly Command[]; readonly groups: GroupSummaries};

/** A function of the table, which holds this command too. */
export function completion(table: () => Table): Command {
  return command({
    path: ["completion"],
    summary: "Completion script for bash, zsh or fish",
    examples: ["completion bash > ~/.local/share/bash-completion/completions/ctz"],
    args: {shell: {describe: "bash, zsh or fish", required: true}},
    async run({shell}, {output}) {
      const known = SHELLS.find((name) => name === shell);
      if (known === undefined)
        throw new CodedError("USAGE", {message: `"${shell}" is not one of ${SHELLS.join(", ")}.`});
      const script = completionScript(known, table());
      output.data({shell: known, script}, () => script);
    },
  });
}
