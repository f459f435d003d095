/** Why tasks did or did not earn here: the figures behind `ctz node why`. */
import type {ErrorCode} from "../errors/table.ts";
import type {JobRecord} from "./jobState.ts";

export type JobFigures = {
  readonly paid: {readonly count: number; readonly uctz: bigint};
  readonly open: number;
  /** Not earned, by code, the most frequent first; ties by code. */
  readonly lost: readonly {
    readonly code: ErrorCode;
    readonly count: number;
    readonly chargeMaxUctz: bigint;
  }[];
};

export function jobFigures(jobs: Iterable<JobRecord>): JobFigures {
  let paid = {count: 0, uctz: 0n};
  let open = 0;
  const lost = new Map<ErrorCode, {count: number; chargeMaxUctz: bigint}>();
  for (const job of jobs) {
    if (job.state === "paid") paid = {count: paid.count + 1, uctz: paid.uctz + job.paidUctz};
    else if (job.reason === undefined) open += 1;
    else {
      const before = lost.get(job.reason.code) ?? {count: 0, chargeMaxUctz: 0n};
      lost.set(job.reason.code, {
        count: before.count + 1,
        chargeMaxUctz: before.chargeMaxUctz + job.chargeMax,
      });
    }
  }
  const rows = [...lost].map(([code, row]) => ({code, ...row}));
  rows.sort((left, right) => right.count - left.count || (left.code < right.code ? -1 : 1));
  return {paid, open, lost: rows};
}
