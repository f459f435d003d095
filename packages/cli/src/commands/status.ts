import {command} from "../command.ts";
import {ctz, duration, witnesses, yesNo} from "../output/format.ts";
import {pairs} from "../output/table.ts";

export const status = command({
  path: ["status"],
  summary: "The node in one answer: ready or not, peers, balance, tasks",
  async run(_values, {client, output, io}) {
    const view = await (await client()).call("status", {});
    output.data(view, () => {
      const rows = pairs(
        [
          ["ready", view.isReady ? "yes" : `no: ${view.phase}`],
          ["api", view.apiUrl],
          ["peer", view.peerId],
          ["account", view.account],
          ["roles", view.roles.join(", ")],
          ["listens on", view.addresses.join(" ")],
          ["peers", String(view.peers)],
          ["network", `${view.network}, height ${view.height}, ${witnesses(view.witnesses)}`],
          ["anchored", yesNo(view.isAnchored)],
          ["balance", ctz(view.balanceUctz)],
          ["earned", ctz(view.earnedUctz)],
          ["tasks", `${view.tasksOpen} open, ${view.tasksDone} done, ${view.tasksFailed} failed`],
          ["up for", duration(io.now() - view.startedAtMs)],
          ["version", view.version],
        ],
        output.paint,
      );
      return rows + view.notes.map((note) => `${note}\n`).join("");
    });
  },
});
