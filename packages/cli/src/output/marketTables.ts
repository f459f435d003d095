/** Candidates, refusals and splits as tables: `quote`, `task explain`, `task receipt`. */
import type {LegView} from "@catalyze/api/schema/fields";
import type {CandidateView, RejectedView} from "@catalyze/api/schema/market";
import {ctz, duration, percent, shortId} from "./format.ts";
import type {Paint} from "./style.ts";
import {table} from "./table.ts";

export function candidateTable(candidates: readonly CandidateView[], paint: Paint): string {
  return table<CandidateView>(
    candidates,
    [
      {head: "#", cell: ({rank}) => String(rank), align: "right"},
      {head: "PROVIDER", cell: ({peerId, isSelf}) => (isSelf ? "this node" : shortId(peerId))},
      {head: "AT MOST", cell: ({chargeMaxUctz}) => ctz(chargeMaxUctz), align: "right"},
      {head: "EXPECTED COST", cell: ({indexUctz}) => ctz(indexUctz), align: "right"},
      {head: "TIME", cell: ({expectedMs}) => duration(expectedMs), align: "right"},
      {head: "SUCCESS", cell: ({reliability}) => `${Math.round(reliability * 100)} %`, align: "right"},
      {head: "WARM", cell: ({isWarm}) => (isWarm ? "yes" : "no")},
      {
        head: "OF THE EXPECTED COST",
        cell: ({terms}) => terms.map(({name, costUctz}) => `${name} ${ctz(costUctz)}`).join(", "),
      },
    ],
    {paint, none: "No candidate."},
  );
}

export function rejectedTable(rejected: readonly RejectedView[], paint: Paint): string {
  if (rejected.length === 0) return "";
  return table<RejectedView>(
    rejected,
    [
      {head: "NOT CHOSEN", cell: ({peerId}) => shortId(peerId)},
      {head: "CODE", cell: ({code}) => code},
      {head: "WHY", cell: ({message}) => message},
    ],
    {paint, none: ""},
  );
}

export function splitTable(legs: readonly LegView[], paint: Paint): string {
  return table<LegView>(
    legs,
    [
      {head: "SHARE OF", cell: ({role, isBurned}) => (isBurned ? `${role} (burned)` : role)},
      {head: "PART", cell: ({bps}) => percent(bps), align: "right"},
      {
        head: "AMOUNT",
        cell: ({amountUctz}) => (amountUctz === undefined ? "-" : ctz(amountUctz)),
        align: "right",
      },
      {head: "ACCOUNT", cell: ({account}) => (account === undefined ? "-" : account)},
    ],
    {paint, none: "No split."},
  );
}
