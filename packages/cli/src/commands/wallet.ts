import type {HistoryItem, StakeBody} from "@catalyze/api/schema/money";
import {CodedError} from "@catalyze/core/errors/codedError";
import {command} from "../command.ts";
import {ctz, shortId, time, witnesses} from "../output/format.ts";
import {pairs, table} from "../output/table.ts";
import {opLine} from "./ledgerLines.ts";
import {readLimit} from "./limit.ts";
import {readAccount, readAmount, readAsset, readUnits} from "./lots.ts";

export const walletShow = command({
  path: ["wallet", "show"],
  summary: "Balances by grade: certified, checkpointed, anchored",
  async run(_values, {client, output}) {
    const view = await (await client()).call("wallet", {});
    output.data(view, () =>
      pairs(
        [
          ["account", view.account],
          ["payee", `${view.account}:${view.publicKey}`],
          ["spendable", `${ctz(view.balanceUctz)} (certified by ${witnesses(view.witnesses)})`],
          ["checkpointed", `${ctz(view.balanceCheckpointedUctz)} (height ${view.height})`],
          [
            "anchored",
            view.balanceAnchoredUctz === undefined
              ? "nothing yet: only an anchor survives an exit"
              : ctz(view.balanceAnchoredUctz),
          ],
          ["in locks", ctz(view.lockedUctz)],
          ["staked", ctz(view.stakedUctz)],
          ...view.cooling.map(({stake, amountUctz, matureHeight, matureAtMs}): [string, string] => [
            "  cooling",
            `${ctz(amountUctz)} (${stake}), spendable about ${time(matureAtMs)} (height ${matureHeight})`,
          ]),
          [
            "frozen",
            view.frozenUntilHeight === undefined
              ? undefined
              : `until height ${view.frozenUntilHeight}: its key signed two operations for one slot`,
          ],
          ["to be claimed", ctz(view.receivableUctz)],
          ["ops pending", String(view.opsPending)],
          ["exit address", view.evmAddress],
        ],
        output.paint,
      ),
    );
  },
});

export const walletSend = command({
  path: ["wallet", "send"],
  summary: "Transfer CTZ, or units of an asset, to an account",
  examples: [
    "wallet send <account> 1.5",
    "wallet send <account> 1500uctz --memo rent",
    "wallet send <account> 10 --asset <asset id>",
  ],
  args: {
    account: {describe: "Receiver: 64 hex digits", required: true},
    amount: {describe: "1.5 (CTZ) or 1500uctz (µCTZ); with --asset a number of units", required: true},
  },
  flags: {
    memo: {kind: "text", describe: "A note of at most 128 characters; its hash goes on the ledger"},
    asset: {kind: "text", value: "asset id", describe: "Units of this asset instead of CTZ"},
  },
  async run({account, amount, memo, asset}, {client, output}) {
    const about = {to: readAccount(account), ...(memo === undefined ? {} : {memo})};
    if (asset !== undefined) {
      const units = readUnits(amount);
      const body = {...about, assetId: readAsset(asset), units};
      const view = await (await client()).call("walletSendUnits", {body});
      output.data(view, () => `sent ${units} units of ${asset} to ${account}\n${opLine(view)}`);
      return;
    }
    const body = {...about, amountUctz: readAmount(amount)};
    const view = await (await client()).call("walletSend", {body});
    output.data(view, () => `sent ${ctz(body.amountUctz)} to ${account}\n${opLine(view)}`);
  },
});

const KINDS = ["executor", "witness", "curate"] as const;

const STAKE_FLAGS = {
  kind: {kind: "text", value: "kind", describe: `What it stands for: ${KINDS.join(", ")} (executor)`},
} as const;

const STAKE_ARGS = {amount: {describe: "1.5 (CTZ) or 1500uctz (µCTZ)", required: true}} as const;

function stakeBody(amount: string, kind: string | undefined): StakeBody {
  const stake = KINDS.find((each) => each === (kind ?? "executor"));
  if (stake === undefined)
    throw new CodedError("REQUEST_INVALID", {message: `--kind is one of ${KINDS.join(", ")}.`});
  return {stake, amountUctz: readAmount(amount)};
}

export const walletStake = command({
  path: ["wallet", "stake"],
  summary: "Put CTZ at stake: it counts for reputation, and is lost for proven fraud",
  examples: ["wallet stake 10", "wallet stake 100 --kind witness"],
  args: STAKE_ARGS,
  flags: STAKE_FLAGS,
  async run({amount, kind}, {client, output}) {
    const body = stakeBody(amount, kind);
    const view = await (await client()).call("walletStake", {body});
    output.data(view, () => `staked ${ctz(body.amountUctz)} (${body.stake})\n${opLine(view)}`);
  },
});

export const walletUnstake = command({
  path: ["wallet", "unstake"],
  summary: "Take stake back; it cools down first, and can be lost until then",
  examples: ["wallet unstake 10 --kind witness"],
  args: STAKE_ARGS,
  flags: STAKE_FLAGS,
  async run({amount, kind}, {client, output}) {
    const body = stakeBody(amount, kind);
    const view = await (await client()).call("walletUnstake", {body});
    output.data(
      view,
      () =>
        `${ctz(body.amountUctz)} (${body.stake}) begin to cool with the next checkpoint: see ctz wallet show\n${opLine(view)}`,
    );
  },
});

export const walletHistory = command({
  path: ["wallet", "history"],
  summary: "What moved the balance, newest first",
  flags: {limit: {kind: "text", value: "n", describe: "At most so many (100)"}},
  async run({limit}, {client, output}) {
    const view = await (await client()).call("walletHistory", {query: readLimit(limit)});
    output.data(view, () =>
      table<HistoryItem>(
        view.items,
        [
          {head: "WHEN", cell: ({atMs}) => time(atMs)},
          {head: "WHAT", cell: ({kind}) => kind},
          {head: "AMOUNT", cell: ({amountUctz}) => ctz(amountUctz), align: "right"},
          {head: "UNITS", cell: unitsMoved, align: "right"},
          {head: "FEE", cell: ({feeUctz}) => ctz(feeUctz), align: "right"},
          {
            head: "WITH",
            cell: ({counterparty}) => (counterparty === undefined ? "-" : shortId(counterparty)),
          },
          {head: "GRADE", cell: ({grade}) => grade},
          {head: "TASK", cell: ({taskId}) => taskId ?? "-"},
          {head: "BECAUSE", cell: ({reason}) => reason ?? "-"},
        ],
        {paint: output.paint, none: "Nothing has moved yet."},
      ),
    );
  },
});

function unitsMoved({assetId, units}: HistoryItem): string {
  return assetId === undefined || units === undefined ? "-" : `${units}@${shortId(assetId)}`;
}
