import {CodedError} from "@catalyze/core/errors/codedError";
import {parseAmount} from "@catalyze/core/primitives/amount";
import {command} from "../command.ts";
import {ctz, time} from "../output/format.ts";
import {pairs} from "../output/table.ts";
import {opLine, witnessTable} from "./ledgerLines.ts";

export const witnessStatus = command({
  path: ["witness", "status"],
  summary: "Where this node stands among the witnesses, and why",
  async run(_values, {client, output}) {
    const view = await (await client()).call("witnessStatus", {});
    output.data(view, () => {
      const {weight, weightTotal, weightNext, quorum, places, candidates} = view;
      const head = pairs(
        [
          ["this node", view.note],
          ["seat", view.seat === undefined ? "none yet" : String(view.seat)],
          ["standing", view.standing],
          ["votes now", view.isVoting ? `yes, weight ${weight} of ${weightTotal}` : "no"],
          ["next epoch", `${time(view.nextEpochAtMs)}, with weight ${weightNext}`],
          ["stake", `${ctz(view.stakeUctz)}; ${ctz(view.stakeMinUctz)} make one unit of weight`],
          ["quorum", `${quorum} of ${weightTotal}`],
          ["places", `${view.witnesses.length} of ${places} taken, ${candidates} waiting`],
        ],
        output.paint,
      );
      return `${head}\n${witnessTable(view.witnesses, output.paint)}`;
    });
  },
});

export const witnessJoin = command({
  path: ["witness", "join"],
  summary: "Ask for a seat: this node votes from the next epoch on in which its stake is enough",
  examples: ["witness join --stake 1000", "witness join"],
  flags: {
    stake: {
      kind: "text",
      value: "amount",
      describe: "Stake so much more first: 1000 (CTZ) or 1500uctz (µCTZ)",
    },
  },
  async run({stake}, {client, output}) {
    const uctz = stake === undefined ? undefined : parseAmount(stake);
    if (stake !== undefined && (uctz === undefined || uctz === 0n))
      throw new CodedError("AMOUNT_INVALID", {message: `"${stake}" is not an amount.`});
    const body = uctz === undefined ? {} : {stakeUctz: uctz.toString()};
    const view = await (await client()).call("witnessJoin", {body});
    output.data(view, () => `asked for a seat; see ctz witness status\n${opLine(view)}`);
  },
});

export const witnessLeave = command({
  path: ["witness", "leave"],
  summary: "Give the seat back: this node votes until the epoch ends, and its stake may then be taken back",
  async run(_values, {client, output}) {
    const view = await (await client()).call("witnessLeave", {});
    output.data(view, () => `leaves when the epoch ends; see ctz witness status\n${opLine(view)}`);
  },
});
