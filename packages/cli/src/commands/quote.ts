import {CodedError} from "@catalyze/core/errors/codedError";
import {command} from "../command.ts";
import {className, ctz, shortId} from "../output/format.ts";
import {candidateTable, rejectedTable, splitTable} from "../output/marketTables.ts";
import {readTaskHeader, TASK_FLAGS} from "../run/taskFlags.ts";
import {readTaskInput} from "../run/taskInput.ts";

export const quote = command({
  path: ["quote"],
  summary: "What a task would cost and who would run it; spends nothing",
  examples: ["quote ocr -i @page.png"],
  args: {what: {describe: "Class or alias", required: true}},
  flags: TASK_FLAGS,
  async run(values, context) {
    const {io, globals, output} = context;
    const [input = "-", ...rest] = values.input;
    if (rest.length > 0) throw new CodedError("USAGE", {message: "A quote is for one input."});
    const header = readTaskHeader(values.what, values, globals.timeoutMs);
    const {bytes} = await readTaskInput(input, io);
    const view = await (await context.taskClient()).upload("quote", {...header, input: bytes});
    output.data(view, () => {
      const [best] = view.candidates;
      const split =
        best === undefined
          ? ""
          : `\nIf ${best.isSelf ? "this node" : shortId(best.peerId)} runs it and charges its maximum:\n${splitTable(best.split, output.paint)}`;
      const parts = [
        `${className(view)}: at most ${view.unitsMax} ${view.unit}\n`,
        candidateTable(view.candidates, output.paint),
        rejectedTable(view.rejected, output.paint),
      ];
      return `${parts.filter((part) => part !== "").join("\n")}${split}`;
    });
    if (view.candidates.length === 0) return new CodedError("NO_PROVIDER").row.exit;
    output.note(`Without --max-price, \`ctz run\` asks above ${ctz(view.maxPriceDefaultUctz)}.`);
    return 0;
  },
});
