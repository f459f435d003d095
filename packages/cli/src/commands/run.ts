import {randomUUID} from "node:crypto";
import {resolve} from "node:path";
import {CodedError} from "@catalyze/core/errors/codedError";
import {command} from "../command.ts";
import {readBatch} from "../run/batchFile.ts";
import {confirmPrice} from "../run/confirmPrice.ts";
import {runBatch} from "../run/runBatch.ts";
import {runOne} from "../run/runOne.ts";
import {readTaskHeader, TASK_FLAGS} from "../run/taskFlags.ts";

export const run = command({
  path: ["run"],
  summary: "Run a task on the cheapest reputable peer and print its result",
  examples: [
    "run ocr -i @page.png",
    'run text -i "Call me" -p maxTokens=40 --max-price 0.05',
    "run embed --batch sentences.txt -o vectors.jsonl",
  ],
  args: {
    what: {describe: "Class or alias, such as ocr; `ctz market asks` lists what is sold", required: true},
  },
  flags: {
    ...TASK_FLAGS,
    batch: {kind: "text", value: "file", describe: "One task a line: plain text, or .jsonl"},
    output: {
      kind: "text",
      alias: "o",
      value: "file",
      describe: "Write the raw output there; of a batch, JSON lines",
    },
    raw: {kind: "switch", describe: "The output's bytes to stdout as they are"},
    idempotencyKey: {kind: "text", value: "key", describe: "The same key never runs or pays twice"},
    detach: {kind: "switch", alias: "d", describe: "Submit, print the task id, and leave"},
  },
  async run(values, context) {
    const {io, globals, output} = context;
    const items = await readBatch(
      values.input.length === 0 && values.batch === undefined ? ["-"] : values.input,
      values.batch,
      io,
    );
    const [first] = items;
    if (first === undefined) throw new CodedError("USAGE", {message: "The batch is empty."});
    const asked = readTaskHeader(values.what, values, globals.timeoutMs);
    const client = await context.taskClient();
    const upload = {...asked, params: {...asked.params, ...first.params}, input: first.bytes};
    const maxPriceUctz = await confirmPrice(context, client, {upload, tasks: items.length});
    const header = {...asked, ...(maxPriceUctz === undefined ? {} : {maxPriceUctz})};
    const idempotencyKey = values.idempotencyKey ?? randomUUID();
    const outFile = values.output === undefined ? undefined : resolve(io.cwd, values.output);
    if (items.length > 1 || values.batch !== undefined) {
      if (values.detach) throw new CodedError("USAGE", {message: "--detach is for one task."});
      return await runBatch(context, client, {header, items, idempotencyKey, outFile});
    }
    const one = {...upload, ...header, params: upload.params, idempotencyKey};
    if (values.detach) {
      const created = await client.upload("taskCreate", one);
      output.data(created, () => `${created.taskId}\n`);
      return 0;
    }
    await runOne(context, client, {upload: one, outFile, isRaw: values.raw});
    return 0;
  },
});
