import {createHash} from "node:crypto";
import {createReadStream} from "node:fs";
import {resolve} from "node:path";
import {pipeline} from "node:stream/promises";
import type {HeldAsset, IssueBody} from "@catalyze/api/schema/asset";
import {CodedError} from "@catalyze/core/errors/codedError";
import {isHash} from "@catalyze/core/primitives/id";
import {command} from "../command.ts";
import {ctz, percent, time, witnesses} from "../output/format.ts";
import {table} from "../output/table.ts";
import {opLine} from "./ledgerLines.ts";
import {readAsset, readBps, readUnits} from "./lots.ts";

export const walletAssets = command({
  path: ["wallet", "assets"],
  summary: "Assets that this account holds or issued",
  async run(_values, {client, output}) {
    const view = await (await client()).call("walletAssets", {});
    output.data(view, () => {
      const shown = table<HeldAsset>(
        view.assets,
        [
          {head: "ASSET", cell: ({assetId}) => assetId},
          {head: "KIND", cell: kindText},
          {head: "UNITS", cell: ({units}) => units, align: "right"},
          {head: "CHECKPOINTED", cell: ({unitsCheckpointed}) => unitsCheckpointed, align: "right"},
          {head: "OFFERED", cell: ({unitsOffered}) => unitsOffered, align: "right"},
          {head: "TO HARVEST", cell: ({harvestableUctz}) => ctz(harvestableUctz), align: "right"},
          {head: "WAITING", cell: ({waitingUctz}) => ctz(waitingUctz), align: "right"},
          {head: "OF", cell: (asset) => String(unitsLeft(asset)), align: "right"},
          {head: "ISSUER", cell: ({isIssuer, issuer}) => (isIssuer ? "this account" : issuer)},
        ],
        {paint: output.paint, none: "This account holds no assets: see ctz wallet issue --help."},
      );
      if (view.assets.length === 0) return shown;
      return `${shown}units certified by ${witnesses(view.witnesses)}; checkpointed at height ${view.height}; what waits is shared when the epoch ends\n`;
    });
  },
});

export const walletIssue = command({
  path: ["wallet", "issue"],
  summary: "Make an asset: shares of a seed, or a right; all units are this account's",
  examples: [
    "wallet issue seed 1000 --file manifest.json --royalty 5%",
    "wallet issue right 50 --content <sha-256 of the terms>",
  ],
  args: {
    kind: {describe: "seed: shares of a published product; right: a claim on this account", required: true},
    supply: {describe: "Units: there are never more", required: true},
  },
  flags: {
    file: {kind: "text", value: "file", describe: "What it stands for; its SHA-256 goes on the ledger"},
    content: {kind: "text", value: "hash", describe: "That SHA-256 itself: 64 hex digits"},
    royalty: {
      kind: "text",
      value: "share",
      describe: "Of a seed: share of what is paid for it: 5%, or 500 in 1/10,000 (0)",
    },
  },
  async run({kind, supply, file, content, royalty}, {client, output, io}) {
    const body: IssueBody = {
      kind: readKind(kind),
      supply: readUnits(supply),
      ...(royalty === undefined ? {} : {royaltyBps: readBps(royalty, "--royalty")}),
      contentHash: await readContent({file, content, cwd: io.cwd}),
    };
    const view = await (await client()).call("walletIssue", {body});
    output.data(view, () => `issued ${body.supply} units as asset ${view.assetId}\n${opLine(view)}`);
  },
});

export const walletBurn = command({
  path: ["wallet", "burn"],
  summary: "Burn units of an asset, for ever",
  examples: ["wallet burn 5 --asset <asset id>"],
  args: {units: {describe: "A number of units", required: true}},
  flags: {asset: {kind: "text", value: "asset id", describe: "Of which asset", required: true}},
  async run({units, asset}, {client, output, globals, io}) {
    const body = {assetId: readAsset(asset), units: readUnits(units)};
    if (!globals.yes && io.stdinIsTty) {
      const answer = await io.ask(`Burn ${units} units of ${asset}? Nobody can bring them back. [y/N] `);
      if (!/^y(es)?$/i.test(answer.trim()))
        throw new CodedError("NEEDS_CONFIRMATION", {message: "Nothing was burned."});
    }
    const view = await (await client()).call("walletBurnUnits", {body});
    output.data(view, () => `burned ${body.units} units of ${asset}\n${opLine(view)}`);
  },
});

function kindText(asset: HeldAsset): string {
  const {kind, royaltyBps, nextRoyalty} = asset;
  if (kind !== "seed" || (royaltyBps === 0 && nextRoyalty === undefined)) return kind;
  return `seed, ${rateText(asset)}`;
}

/** In force, and to come. */
export function rateText({
  royaltyBps,
  nextRoyalty: next,
}: Pick<HeldAsset, "royaltyBps" | "nextRoyalty">): string {
  if (next === undefined) return percent(royaltyBps);
  return `${percent(royaltyBps)}, ${percent(next.bps)} from epoch ${next.epoch} (about ${time(next.startsAtMs)})`;
}

export function unitsLeft({supply, burned}: Pick<HeldAsset, "supply" | "burned">): bigint {
  return BigInt(supply) - BigInt(burned);
}

function readKind(text: string): IssueBody["kind"] {
  if (text === "seed" || text === "right") return text;
  throw new CodedError("USAGE", {message: `"${text}" is no kind of asset: seed or right.`});
}

type Content = {
  readonly file: string | undefined;
  readonly content: string | undefined;
  readonly cwd: string;
};

async function readContent({file, content, cwd}: Content): Promise<string> {
  if ((file === undefined) === (content === undefined))
    throw new CodedError("USAGE", {message: "Name what it stands for: --file or --content, one of the two."});
  if (file !== undefined) return await hashOfFile(resolve(cwd, file));
  if (content !== undefined && isHash(content)) return content;
  throw new CodedError("USAGE", {message: `--content: "${content}" is no SHA-256: 64 hex digits.`});
}

/** In pieces: a model may be larger than memory. */
async function hashOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(path), hash);
  } catch (cause) {
    const {code = "unknown"} = cause as NodeJS.ErrnoException;
    throw new CodedError("USAGE", {message: `Cannot read ${path} (${code}).`, cause});
  }
  return hash.digest("hex");
}
