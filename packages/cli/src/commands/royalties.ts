import type {HarvestView} from "@catalyze/api/schema/asset";
import {command} from "../command.ts";
import {ctz, percent, time} from "../output/format.ts";
import {opLine} from "./ledgerLines.ts";
import {readAsset, readBps} from "./lots.ts";

export const walletHarvest = command({
  path: ["wallet", "harvest"],
  summary: "Take what this account's units of seeds have earned",
  examples: ["wallet harvest", "wallet harvest <asset id>"],
  args: {asset: {describe: "Of this seed only; else of each that brings more than its fee"}},
  async run({asset}, {client, output}) {
    const body = asset === undefined ? {} : {assetId: readAsset(asset)};
    const view = await (await client()).call("walletHarvest", {body});
    output.data(view, () => [...cameLines(view), ...waitingLines(view)].join(""));
  },
});

export const walletRate = command({
  path: ["wallet", "rate"],
  summary: "Set what a seed that this account issued should earn, from the next epoch on",
  examples: ["wallet rate <asset id> 5%"],
  args: {
    asset: {describe: "Its id: see wallet assets", required: true},
    rate: {describe: "Of what is paid for it: 5%, or 500 in 1/10,000", required: true},
  },
  async run({asset, rate}, {client, output}) {
    const body = {assetId: readAsset(asset), royaltyBps: readBps(rate, "rate")};
    const view = await (await client()).call("walletRate", {body});
    output.data(
      view,
      () => `${percent(view.bps)} from epoch ${view.fromEpoch} on, for locks that open then\n${opLine(view)}`,
    );
  },
});

function cameLines({harvests}: HarvestView): readonly string[] {
  return harvests.map((each) => `${ctz(each.amountUctz)} came of ${each.assetId}\n${opLine(each)}`);
}

function waitingLines({waiting, epoch, epochEndsAtMs}: HarvestView): readonly string[] {
  return waiting.map(({assetId, harvestableUctz, waitingUctz, code}) => {
    const there = harvestableUctz === "0" ? "" : `, ${ctz(harvestableUctz)} to harvest (${code ?? "now"})`;
    const end = `when epoch ${epoch} ends, about ${time(epochEndsAtMs)}`;
    return `${assetId}: ${ctz(waitingUctz)} more ${end}${there}\n`;
  });
}
