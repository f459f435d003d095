import type {Quote} from "@catalyze/core/market/quote";
import type {Receipt} from "@catalyze/core/task/receipt";
import type {ResultCommit} from "@catalyze/core/task/resultCommit";

/** The receipt that both sides derive from what they hold: the terms and the commit. */
export function receiptOf(quote: Quote, commit: ResultCommit): Receipt {
  return {
    taskHash: commit.taskHash,
    attemptId: commit.attemptId,
    taskClass: quote.taskClass,
    payer: quote.payer,
    provider: quote.provider,
    lockId: commit.lockId,
    termsHash: quote.termsHash,
    commitHash: commit.commitHash,
    outputHash: commit.outputHash,
    units: commit.units,
    charge: commit.charge,
    legs: quote.legs,
  };
}
