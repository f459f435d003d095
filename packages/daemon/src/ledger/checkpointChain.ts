/** Checks a run of final checkpoints: each proven by its quorum, each naming the one before it. */
import type {Committee} from "@catalyze/core/ledger/committee";
import {type FinalCheckpoint, isProven, type ProofContext} from "@catalyze/core/ledger/finality";
import type {LedgerCheck} from "./ledgerReport.ts";

const NAME = "checkpoint chain";

export type ChainContext = Omit<ProofContext, "committee"> & {
  readonly committeeOf: (epoch: number) => Committee;
};

/** `finals` ascend. Stops at the first problem. */
export function checkChain(finals: readonly FinalCheckpoint[], context: ChainContext): LedgerCheck {
  let before: FinalCheckpoint | undefined;
  let verified = 0;
  for (const final of finals) {
    const {height, parent} = final.checkpoint;
    if (before !== undefined && height !== before.checkpoint.height + 1n) {
      return broken(`height ${height} follows ${before.checkpoint.height}`);
    }
    if (before !== undefined && parent !== before.hash) {
      return broken(`height ${height} names another parent`);
    }
    // The genesis checkpoint is proven by being the genesis.
    const committee = context.committeeOf(final.checkpoint.epoch);
    if (height > 0n && !isProven(final, {...context, committee}))
      return broken(`height ${height} lacks its quorum`);
    before = final;
    verified += 1;
  }
  return {name: NAME, ok: true, detail: `${verified} checkpoints follow each other, each with its quorum`};
}

function broken(detail: string): LedgerCheck {
  return {name: NAME, ok: false, detail};
}
