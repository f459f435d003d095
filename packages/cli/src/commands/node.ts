import {command} from "../command.ts";
import {bytes, className, ctz, duration, percent, time, yesNo} from "../output/format.ts";
import {pairs, table} from "../output/table.ts";

export const nodeInfo = command({
  path: ["node", "info"],
  summary: "What this node runs on, sells and where its files are",
  async run(_values, {client, output}) {
    const view = await (await client()).call("nodeInfo", {});
    output.data(view, () => {
      const {executor} = view;
      const head = pairs(
        [
          ["peer", view.peerId],
          ["account", view.account],
          ["roles", view.roles.join(", ")],
          ["addresses", view.addresses.join(" ")],
          ["home", view.home],
          ["log", view.logFile],
          ["executor", `${executor.kind}, ${executor.determinism}`],
          ["isolated", executor.isIsolated ? executor.isolation : `no: ${executor.isolation}`],
          ["slots", `${executor.slotsBusy} of ${executor.slots} busy, ${executor.queueLength} waiting`],
          ["middleware share", view.middlewareBps === undefined ? undefined : percent(view.middlewareBps)],
          ["clock", view.clockOffsetMs === undefined ? undefined : `${view.clockOffsetMs} ms off the peers`],
          ["memory", bytes(view.rssBytes)],
          ["version", `${view.version}, node ${view.node}, ${view.platform}`],
        ],
        output.paint,
      );
      const sells = table(
        view.sells,
        [
          {head: "SELLS", cell: className},
          {head: "PRICE", cell: ({unitPriceUctz}) => ctz(unitPriceUctz), align: "right"},
          {head: "+ PER TASK", cell: ({feeMinUctz}) => ctz(feeMinUctz), align: "right"},
          {head: "WARM", cell: ({isWarm}) => yesNo(isWarm)},
        ],
        {paint: output.paint, none: "Sells nothing."},
      );
      return `${head}\n${sells}`;
    });
  },
});

export const nodeWhy = command({
  path: ["node", "why"],
  summary: "Why this node earns or does not: each task not won, by reason",
  async run(_values, {client, output, io}) {
    const view = await (await client()).call("nodeWhy", {});
    output.data(view, () => {
      const last =
        view.lastEarnedAtMs === undefined ? "never" : `${duration(io.now() - view.lastEarnedAtMs)} ago`;
      const head = pairs(
        [
          ["earns", yesNo(view.isEarning)],
          ["earned", `${ctz(view.earnedUctz)}, last ${last}`],
          ["to be claimed", ctz(view.receivableUctz)],
          ["tasks", `${view.tasksWon} won, ${view.tasksDone} done`],
        ],
        output.paint,
      );
      const reasons = table(
        view.reasons,
        [
          {head: "NOT WON OR DONE", cell: ({code}) => code},
          {head: "TIMES", cell: ({count}) => String(count), align: "right"},
          {head: "LAST", cell: ({lastAtMs}) => time(lastAtMs)},
          {
            head: "WHY",
            cell: ({message, detail}) => [message, detail].filter((part) => part !== "").join(" "),
          },
        ],
        {paint: output.paint, none: "Nothing was lost or refused."},
      );
      return `${view.lines.map((line) => `${line}\n`).join("")}\n${head}\n${reasons}`;
    });
  },
});
