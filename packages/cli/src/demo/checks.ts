/** What must hold at the end: equal balances, conservation, an anchor that says what the ledger says. */
import type {AnchorView, CheckpointView} from "@catalyze/api/schema/money";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {DemoNode} from "./node.ts";
import {waitUntil} from "./processes.ts";

const SETTLE_MS = 45_000;
const ANCHOR_MS = 60_000;

/** Waits until every provider has claimed what vouchers owe it. */
export async function untilClaimed(nodes: readonly DemoNode[]): Promise<boolean> {
  return await waitUntil(
    async () => {
      const wallets = await Promise.all(nodes.map((node) => node.client.call("wallet", {})));
      return wallets.every(({receivableUctz, opsPending}) => receivableUctz === "0" && opsPending === 0);
    },
    SETTLE_MS,
    250,
  );
}

export type SharedView = {
  readonly height: string;
  readonly balances: readonly {account: string; balanceUctz: string; label?: string}[];
};

/** A height whose checkpoint covers everything that is certified on these nodes now. */
export async function nextCovered(nodes: readonly DemoNode[]): Promise<bigint> {
  const heights = await Promise.all(
    nodes.map(async (node) => BigInt((await node.client.call("ledger", {})).height)),
  );
  // The next checkpoint may have been cut already: the one after it has not.
  return heights.reduce((most, height) => (height > most ? height : most), 0n) + 2n;
}

/** All nodes' balances at one height from `heightMin` on, when they are equal; `undefined` when they never were. */
export async function equalBalances(
  nodes: readonly DemoNode[],
  heightMin: bigint,
): Promise<SharedView | undefined> {
  let shared: SharedView | undefined;
  await waitUntil(
    async () => {
      const views = await Promise.all(nodes.map((node) => node.client.call("ledgerBalances", {})));
      const [first] = views;
      if (first === undefined || BigInt(first.height) < heightMin) return false;
      if (views.some(({height}) => height !== first.height)) return false;
      const isEqual = views.every((view) => JSON.stringify(view.balances) === JSON.stringify(first.balances));
      if (isEqual) shared = {height: first.height, balances: first.balances};
      return isEqual;
    },
    SETTLE_MS,
    150,
  );
  return shared;
}

/** `ledger verify` on every node. Throws with the checks that failed. */
export async function verifyAll(nodes: readonly DemoNode[]): Promise<void> {
  for (const node of nodes) {
    const report = await node.client.call("ledgerVerify", {});
    if (report.ok) continue;
    const failed = report.checks.filter(({ok}) => !ok).map(({name, detail}) => `${name}: ${detail}`);
    throw new CodedError("LEDGER_INVARIANT", {message: `${node.name}: ${failed.join("; ")}`});
  }
}

export type Anchored = {readonly checkpoint: CheckpointView; readonly anchor: AnchorView};

/** The first epoch end at or after `height` whose anchor is on the chain. */
export async function untilAnchored(node: DemoNode, height: bigint): Promise<Anchored | undefined> {
  let found: Anchored | undefined;
  await waitUntil(
    async () => {
      const {checkpoints} = await node.client.call("ledgerCheckpoints", {query: {limit: 100}});
      const checkpoint = checkpoints.findLast((each) => BigInt(each.height) >= height && each.isLastOfEpoch);
      if (checkpoint?.anchor === undefined) return false;
      found = {checkpoint, anchor: checkpoint.anchor};
      return true;
    },
    ANCHOR_MS,
    300,
  );
  return found;
}
