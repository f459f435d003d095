import type {AttemptView, TaskView} from "@catalyze/api/schema/task";
import {CodedError} from "@catalyze/core/errors/codedError";
import {command} from "../command.ts";
import {reportText} from "../output/failureText.ts";
import {className, ctz, duration, shortId, time, witnesses} from "../output/format.ts";
import {candidateTable, rejectedTable, splitTable} from "../output/marketTables.ts";
import type {Paint} from "../output/style.ts";
import {pairs, table} from "../output/table.ts";
import {readLimit} from "./limit.ts";

const idArg = {id: {describe: "Task id", required: true}} as const;
const STATES = ["open", "done", "failed", "cancelled"] as const;

/** Ids are 32 hex digits; a mistyped one should not travel. */
function taskId(id: string): {id: string} {
  if (!/^[0-9a-f]{32}$/.test(id))
    throw new CodedError("USAGE", {message: `"${id}" is not a task id (32 hex digits).`});
  return {id};
}

export const taskList = command({
  path: ["task", "list"],
  summary: "Tasks of this node, newest first",
  flags: {
    state: {kind: "text", choices: STATES, describe: "Only these"},
    limit: {kind: "text", value: "n", describe: "At most so many (100)"},
  },
  async run({state, limit}, {client, output}) {
    const wanted = STATES.find((name) => name === state);
    const query = {...(wanted === undefined ? {} : {state: wanted}), ...readLimit(limit)};
    const view = await (await client()).call("taskList", {query});
    output.data(view, () =>
      table<TaskView>(
        view.tasks,
        [
          {head: "TASK", cell: (task) => task.taskId},
          {head: "WHAT", cell: className},
          {head: "STATE", cell: (task) => (task.state === "open" ? task.phase : task.state)},
          {head: "PROVIDER", cell: ({peerId}) => (peerId === undefined ? "-" : shortId(peerId))},
          {head: "CHARGED", cell: (task) => ctz(task.chargedUctz), align: "right"},
          {head: "TOOK", cell: tookText, align: "right"},
          {head: "WHEN", cell: (task) => time(task.createdAtMs)},
        ],
        {paint: output.paint, none: "No tasks. Run one: ctz run ocr -i @page.png"},
      ),
    );
  },
});

function tookText({createdAtMs, endedAtMs}: TaskView): string {
  return endedAtMs === undefined ? "-" : duration(endedAtMs - createdAtMs);
}

export const taskShow = command({
  path: ["task", "show"],
  summary: "One task with its attempts",
  args: idArg,
  async run({id}, {client, output}) {
    const task = await (await client()).call("taskShow", {params: taskId(id)});
    output.data(task, () => taskText(task, output.paint));
  },
});

function taskText(task: TaskView, paint: Paint): string {
  const head = pairs(
    [
      ["task", task.taskId],
      ["what", className(task)],
      ["state", task.state === "open" ? `open: ${task.phase}` : task.state],
      ["provider", task.peerId],
      ["reason", task.reason],
      ["charged", `${ctz(task.chargedUctz)} of at most ${ctz(task.maxPriceUctz)}`],
      ["ledger fees", ctz(task.ledgerFeesUctz)],
      ["input", `${task.inputBytes} B`],
      ["output", task.outputBytes === undefined ? undefined : `${task.outputBytes} B`],
      ["created", time(task.createdAtMs)],
      ["took", tookText(task)],
    ],
    paint,
  );
  const failure = task.failure === undefined ? "" : reportText(task.failure, paint);
  return `${head}${failure}\n${attemptTable(task.attempts, paint)}`;
}

function attemptTable(attempts: readonly AttemptView[], paint: Paint): string {
  return table<AttemptView>(
    attempts,
    [
      {head: "ATTEMPT", cell: ({kind}) => kind},
      {head: "PROVIDER", cell: ({peerId}) => shortId(peerId)},
      {head: "OUTCOME", cell: ({outcome, failure}) => (failure === undefined ? outcome : failure.code)},
      {head: "CHARGED", cell: ({chargedUctz}) => ctz(chargedUctz), align: "right"},
      {
        head: "TOOK",
        cell: ({startedAtMs, endedAtMs}) =>
          endedAtMs === undefined ? "-" : duration(endedAtMs - startedAtMs),
        align: "right",
      },
    ],
    {paint, none: "No attempt yet."},
  );
}

export const taskExplain = command({
  path: ["task", "explain"],
  summary: "Why this provider: ranked candidates, rejections, attempts",
  args: idArg,
  async run({id}, {client, output}) {
    const view = await (await client()).call("taskExplain", {params: taskId(id)});
    output.data(view, () =>
      [
        `${className(view)}, ${view.route}: ${view.reason}\n`,
        candidateTable(view.candidates, output.paint),
        rejectedTable(view.rejected, output.paint),
        attemptTable(view.attempts, output.paint),
      ].join("\n"),
    );
  },
});

export const taskReceipt = command({
  path: ["task", "receipt"],
  summary: "What ran, for how much, and how the payment splits",
  args: idArg,
  async run({id}, {client, output}) {
    const view = await (await client()).call("taskReceipt", {params: taskId(id)});
    output.data(view, () => {
      const head = pairs(
        [
          ["task", view.taskId],
          ["what", className(view)],
          ["provider", view.peerId],
          ["payer", view.payer],
          ["units", view.units],
          ["charged", ctz(view.chargedUctz)],
          ["ledger fees", ctz(view.ledgerFeesUctz)],
          ["grade", `${view.grade}, ${witnesses(view.witnesses)}`],
          [
            "signed by",
            [view.isSignedByProvider ? "provider" : "", view.isSignedByPayer ? "payer" : ""]
              .filter(Boolean)
              .join(" and "),
          ],
          ["ran on", `${view.determinism}, ${duration(view.executorMs)}`],
          ["output", `sha256 ${view.outputHash}`],
          ["lock", view.lockId],
          ["ended", time(view.endedAtMs)],
        ],
        output.paint,
      );
      return `${head}\n${splitTable(view.legs, output.paint)}`;
    });
  },
});

export const taskCancel = command({
  path: ["task", "cancel"],
  summary: "Cancel a task; free of charge until a result was committed",
  args: idArg,
  async run({id}, {client, output}) {
    const task = await (await client()).call("taskCancel", {params: taskId(id)});
    output.data(task, () => `${task.state}; charged ${ctz(task.chargedUctz)}\n`);
  },
});
