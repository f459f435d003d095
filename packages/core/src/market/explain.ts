/** A choice in plain words: for `ctz task explain`, the demo and response headers. */
import {ERRORS} from "../errors/table.ts";
import {formatCtz} from "../primitives/amount.ts";
import type {Candidate, Ranked, Rejected, RouteResult} from "./route.ts";

/** How a person knows a peer; a short form of the peer id unless a name is known. */
export type NameOf = (candidate: Pick<Candidate, "peer" | "account">) => string;

const RUNNERS_UP_MAX = 3;

/** One line for the choice, one for each runner-up and each rejection. */
export function explainRoute({ranked, rejected}: RouteResult, nameOf: NameOf = shortPeer): readonly string[] {
  const [best, ...others] = ranked;
  const skipped = rejected.map((each) => `skipped ${nameOf(each.candidate)}: ${explainRejection(each)}`);
  if (best === undefined) return ["no candidate left", ...skipped];
  const lines = [explainChoice(best, others[0], nameOf)];
  for (const other of others.slice(0, RUNNERS_UP_MAX)) {
    lines.push(`next ${nameOf(other.candidate)}: ${explainTerms(other)}`);
  }
  return [...lines, ...skipped];
}

/** "chose A: expected cost 0.021 CTZ against 0.030 CTZ at B (…)". */
export function explainChoice(best: Ranked, second: Ranked | undefined, nameOf: NameOf = shortPeer): string {
  const cost = costOf(best);
  const against =
    second === undefined ? "the only candidate" : `against ${costOf(second)} at ${nameOf(second.candidate)}`;
  return `chose ${nameOf(best.candidate)}: expected cost ${cost}, ${against} (${explainTerms(best)})`;
}

/** The terms of an index that are not zero, largest first. */
export function explainTerms({candidate, terms, isProbe, isGroupCapped}: Ranked): string {
  const parts = [
    {value: terms.payment, text: candidate.kind === "local" ? "own hardware" : "price"},
    {value: terms.waiting, text: `waiting about ${seconds(terms.latencyMs)}`},
    {value: terms.verification, text: "checking"},
    {value: terms.damage, text: `risk of a wrong result (${percent(terms.wrong)})`},
    {value: terms.retries, text: `risk of failure (${percent(1 - terms.delivers)})`},
  ];
  const shown = parts
    .filter(({value}) => Math.round(value) > 0)
    .sort((left, right) => right.value - left.value);
  const text = shown.map((part) => `${part.text} ${ctz(part.value)}`);
  if (candidate.kind === "local") text.unshift("runs on this node, free of charge");
  if (isProbe) text.push("a probe after failures");
  if (isGroupCapped) text.push("ranked last: its operator has had its share");
  return text.length === 0 ? "free" : text.join(", ");
}

/** The code's meaning with its figure. */
export function explainRejection({code, figure, candidate}: Rejected): string {
  switch (code) {
    case "PRICE_ABOVE_MAX":
      return `at most ${formatCtz(candidate.chargeMax)}, above your maximum`;
    case "PROVIDER_BUSY":
      return `busy for another ${seconds(Number(figure))}`;
    case "CIRCUIT_OPEN":
      return `circuit open after ${figure} ${figure === 1 ? "failure" : "failures"}`;
    case "DEADLINE":
      return `would take about ${seconds(Number(figure))}, past the deadline`;
    case "CANDIDATE_EXCLUDED":
      return ERRORS[code].message.toLowerCase().replace(/\.$/, "");
  }
}

function costOf({terms}: Ranked): string {
  return ctz(terms.index);
}

function ctz(value: number): string {
  return formatCtz(BigInt(Math.round(Math.min(value, Number.MAX_SAFE_INTEGER))));
}

function seconds(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

function shortPeer({peer}: Pick<Candidate, "peer">): string {
  return peer.length <= 12 ? peer : `…${peer.slice(-8)}`;
}
