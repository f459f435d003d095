import type {AskView, PeerView} from "@catalyze/api/schema/market";
import {command} from "../command.ts";
import {className, ctz, duration, shortId} from "../output/format.ts";
import {table} from "../output/table.ts";

export const marketAsks = command({
  path: ["market", "asks"],
  summary: "Live asks: who sells what, at which price, how busy",
  flags: {class: {kind: "text", value: "class", describe: "Only this class or alias"}},
  async run(values, {client, output}) {
    const query = values.class === undefined ? {} : {taskClass: values.class};
    const view = await (await client()).call("asks", {query});
    output.data(view, () =>
      table<AskView>(
        view.asks,
        [
          {head: "WHAT", cell: className},
          {head: "PROVIDER", cell: ({peerId, isSelf}) => (isSelf ? "this node" : shortId(peerId))},
          {head: "PRICE", cell: ({unitPriceUctz}) => ctz(unitPriceUctz), align: "right"},
          {head: "PER", cell: ({unit, unitScale}) => `${unitScale} ${unit}`},
          {head: "+ PER TASK", cell: ({feeMinUctz}) => ctz(feeMinUctz), align: "right"},
          {
            head: "BUSY",
            cell: ({slotsBusy, slots, queueLength}) => `${slotsBusy}/${slots}, ${queueLength} waiting`,
          },
          {head: "WARM", cell: ({isWarm}) => (isWarm ? "yes" : "no")},
        ],
        {paint: output.paint, none: "No asks heard. See who is connected: ctz peer list"},
      ),
    );
  },
});

export const peerList = command({
  path: ["peer", "list"],
  summary: "Connected peers",
  async run(_values, {client, output, io}) {
    const view = await (await client()).call("peers", {});
    output.data(view, () =>
      table<PeerView>(
        view.peers,
        [
          {head: "PEER", cell: ({peerId}) => peerId},
          {head: "ROLES", cell: ({roles}) => roles.join(", ") || "-"},
          {head: "ASKS", cell: ({asks}) => String(asks), align: "right"},
          {
            head: "LATENCY",
            cell: ({latencyMs}) => (latencyMs === undefined ? "-" : `${latencyMs.toFixed(1)} ms`),
            align: "right",
          },
          {head: "DONE/FAILED", cell: ({successes, failures}) => `${successes}/${failures}`, align: "right"},
          {head: "FOR", cell: ({connectedAtMs}) => duration(io.now() - connectedAtMs), align: "right"},
          {head: "ADDRESS", cell: ({addresses}) => addresses[0] ?? "-"},
        ],
        {paint: output.paint, none: "No peers. Join a network: ctz up --join <address>"},
      ),
    );
  },
});
