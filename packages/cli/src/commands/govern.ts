import type {GovernView, ParameterView, ProposalView} from "@catalyze/api/schema/govern";
import {CodedError} from "@catalyze/core/errors/codedError";
import {parseAmount} from "@catalyze/core/primitives/amount";
import {isCellId} from "@catalyze/core/primitives/id";
import {command} from "../command.ts";
import {ctz, shortId, time} from "../output/format.ts";
import {pairs, table} from "../output/table.ts";
import {opLine} from "./ledgerLines.ts";
import {readBps} from "./lots.ts";

export const governList = command({
  path: ["govern", "list"],
  summary: "Open proposals, and how the votes on them stand",
  async run(_values, {client, output}) {
    const view = await (await client()).call("govern", {});
    output.data(view, () =>
      table<ProposalView>(
        view.proposals,
        [
          {head: "PROPOSAL", cell: ({id}) => shortId(id)},
          {head: "ASKS FOR", cell: motionText},
          {head: "YES", cell: ({yesUctz}) => ctz(yesUctz), align: "right"},
          {head: "NO", cell: ({noUctz}) => ctz(noUctz), align: "right"},
          {head: "PASSES", cell: ({isPassing}) => (isPassing ? "as it stands" : "not yet")},
          {head: "UNTIL", cell: ({endsAtMs}) => time(endsAtMs)},
          {head: "YOUR VOTE", cell: ({ownVote}) => ownVote ?? "-"},
        ],
        {paint: output.paint, none: "No open proposals."},
      ),
    );
  },
});

export const governShow = command({
  path: ["govern", "show"],
  summary: "Parameters in force and to come; or one proposal",
  examples: ["govern show", "govern show 3f0a91c2"],
  args: {proposal: {describe: "Its id, or the first 8 digits of it"}},
  async run({proposal}, {client, output}) {
    const view = await (await client()).call("govern", {});
    if (proposal !== undefined) {
      const found = proposalOf(view, proposal);
      output.data(found, () => pairs(proposalRows(found), output.paint));
      return;
    }
    output.data(view, () => {
      const head = pairs(
        [
          ["epoch", String(view.epoch)],
          ["treasury", ctz(view.treasuryUctz)],
          ["your weight", `${ctz(view.weightUctz)} of ${ctz(view.weightTotalUctz)}`],
          ["quorum", ctz(view.quorumUctz)],
        ],
        output.paint,
      );
      const rows = table<ParameterView>(
        view.parameters,
        [
          {head: "PARAMETER", cell: ({name}) => name},
          {head: "NOW", cell: ({value}) => value, align: "right"},
          {head: "UNIT", cell: ({unit}) => unit},
          {head: "NEXT", cell: ({next, nextEpoch}) => (next === undefined ? "" : `${next} (${nextEpoch})`)},
          {head: "A VOTE MAY SET", cell: boundsText},
        ],
        {paint: output.paint, none: ""},
      );
      return `${head}\n${rows}`;
    });
  },
});

export const governPropose = command({
  path: ["govern", "propose"],
  summary: "Propose other parameters, or a payment out of the treasury, to all who have a stake",
  examples: [
    "govern propose --set opFee=200",
    "govern propose --set protocolFeeBps=4%",
    "govern propose --pay <account> --amount 1000",
  ],
  flags: {
    set: {kind: "many", value: "name=value", describe: "A parameter and its new value: see ctz govern show"},
    pay: {kind: "text", value: "account", describe: "Who gets it"},
    amount: {kind: "text", value: "amount", describe: "How much: 1000 (CTZ) or 1500uctz (µCTZ)"},
  },
  async run({set, pay, amount}, {client, output}) {
    const changes = set.map(changeOf);
    const payment = paymentOf(pay, amount);
    const body = {changes, ...(payment === undefined ? {} : {payment})};
    const view = await (await client()).call("governPropose", {body});
    output.data(
      view,
      () =>
        `proposed as ${view.opId}; vote on it: ctz govern vote ${shortId(view.opId)} yes\n${opLine(view)}`,
    );
  },
});

export const governVote = command({
  path: ["govern", "vote"],
  summary: "Vote on a proposal with this account's stake; the last vote counts",
  examples: ["govern vote 3f0a91c2 yes"],
  args: {
    proposal: {describe: "Its id, or the first 8 digits of it", required: true},
    answer: {describe: "yes or no", required: true},
  },
  async run({proposal, answer}, {client, output}) {
    if (answer !== "yes" && answer !== "no")
      throw new CodedError("REQUEST_INVALID", {message: `"${answer}" is neither yes nor no.`});
    if (!/^[0-9a-f]{8,64}$/.test(proposal)) throw new CodedError("PROPOSAL_UNKNOWN", {evidence: {proposal}});
    const body = {proposal, isYes: answer === "yes"};
    const view = await (await client()).call("governVote", {body});
    output.data(view, () => `voted ${answer}\n${opLine(view)}`);
  },
});

function proposalOf({proposals}: GovernView, wanted: string): ProposalView {
  const found = proposals.filter(({id}) => wanted.length >= 8 && id.startsWith(wanted));
  const [proposal] = found;
  if (proposal === undefined || found.length > 1)
    throw new CodedError("PROPOSAL_UNKNOWN", {evidence: {proposal: wanted, open: found.length}});
  return proposal;
}

function proposalRows(proposal: ProposalView): [string, string][] {
  const {id, proposer, passing, depositUctz, votes, yesUctz, noUctz} = proposal;
  return [
    ["proposal", id],
    ["by", `${proposer}, deposit ${ctz(depositUctz)}`],
    ["asks for", motionText(proposal)],
    ["needs", `${passing === "majority" ? "a majority" : "two thirds"} of what is cast`],
    ["votes", `${votes}: ${ctz(yesUctz)} yes, ${ctz(noUctz)} no`],
    ["passes", proposal.isPassing ? "as it stands" : "not yet"],
    ["until", `${time(proposal.endsAtMs)}, the end of epoch ${proposal.untilEpoch}`],
    ["your vote", proposal.ownVote ?? "none"],
  ];
}

function motionText({changes, payment}: ProposalView): string {
  const sets = changes.map(({name, value}) => `${name}=${value}`);
  const pays = payment === undefined ? [] : [`${ctz(payment.amountUctz)} to ${shortId(payment.to)}`];
  return [...sets, ...pays].join(", ");
}

function boundsText({min, max, passing, fixed}: ParameterView): string {
  if (fixed !== undefined) return `nothing: ${fixed}`;
  return `${min} to ${max}${passing === "twoThirds" ? ", by two thirds" : ""}`;
}

function changeOf(text: string): {name: string; value: string} {
  const match = /^([A-Za-z]+)=(0|[1-9]\d{0,19})$/.exec(text);
  const [name, value] = [match?.[1], match?.[2]];
  const share = /^([A-Za-z]*Bps\w*)=(.+%)$/.exec(text);
  if (share?.[1] !== undefined && share[2] !== undefined)
    return {name: share[1], value: String(readBps(share[2], share[1]))};
  if (name === undefined || value === undefined)
    throw new CodedError("REQUEST_INVALID", {message: `"${text}" is not a parameter and a whole number.`});
  return {name, value};
}

function paymentOf(
  to: string | undefined,
  amount: string | undefined,
): {to: string; amountUctz: string} | undefined {
  if (to === undefined && amount === undefined) return undefined;
  if (to === undefined || amount === undefined)
    throw new CodedError("REQUEST_INVALID", {message: "A payment needs --pay and --amount."});
  if (!isCellId(to)) throw new CodedError("ACCOUNT_UNKNOWN", {evidence: {account: to}});
  const uctz = parseAmount(amount);
  if (uctz === undefined || uctz === 0n)
    throw new CodedError("AMOUNT_INVALID", {message: `"${amount}" is not an amount.`});
  return {to, amountUctz: uctz.toString()};
}
