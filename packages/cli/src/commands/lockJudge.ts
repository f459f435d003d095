import {writeFile} from "node:fs/promises";
import {resolve} from "node:path";
import type {LockAwardView, LockJudgedBody} from "@catalyze/api/schema/judgedLock";
import {CodedError} from "@catalyze/core/errors/codedError";
import {command} from "../command.ts";
import type {CommandContext} from "../context.ts";
import {ctz, shortId} from "../output/format.ts";
import {targetText} from "./cellText.ts";
import {opLine} from "./ledgerLines.ts";
import {openedText} from "./lock.ts";
import {LOCK_ARG, readLock, readParty, readPayout, readTarget, readWord, TARGET_HELP} from "./lockWords.ts";
import {readAccount, readAmount} from "./lots.ts";
import {EXPIRES_DEFAULT, readExpires} from "./sales.ts";

const AMOUNT_ARG = {describe: "1.5 (CTZ) or 1500uctz (µCTZ)", required: true} as const;

const JUDGE_FLAGS = {
  judge: {
    kind: "many",
    value: "account:key",
    describe: "Who says who is paid: what its wallet show calls payee; several times for several",
  },
  threshold: {kind: "text", value: "n", describe: "So many judges must sign (more than half of them)"},
  expires: {
    kind: "text",
    value: "720h",
    describe: `Then what was not awarded comes back (${EXPIRES_DEFAULT})`,
  },
  memo: {kind: "text", describe: "A note of at most 128 characters; its hash goes on the ledger"},
} as const;

const OUT_FLAG = {
  out: {kind: "text", alias: "o", value: "file", describe: "Write what others must sign there"},
} as const;

export const lockBounty = command({
  path: ["lock", "bounty"],
  summary: "Set CTZ aside for whom judges will name; what they do not award comes back",
  examples: [
    "lock bounty 500 --judge <account>:<key> --expires 720h",
    "lock bounty 500 --judge <account>:<key> --pays <account> --pays pot:<asset id>",
    "lock bounty 500 --judge <a>:<key> --judge <b>:<key> --judge <c>:<key> --threshold 2",
  ],
  args: {amount: AMOUNT_ARG},
  flags: {
    ...JUDGE_FLAGS,
    pays: {kind: "many", value: "who", describe: `Only these may be paid: ${TARGET_HELP} (anybody)`},
  },
  async run({amount, pays, ...flags}, context) {
    const payees = pays.length === 0 ? {} : {payees: pays.map(readTarget)};
    await openJudged({amountUctz: readAmount(amount), ...payees}, flags, context);
  },
});

export const lockBond = command({
  path: ["lock", "bond"],
  summary: "Post a bond: judges may pay out of it the insured, the treasury or nobody; the rest comes back",
  examples: ["lock bond <insured account> 100 --judge <account>:<key> --expires 720h"],
  args: {insured: {describe: "Who is insured: 64 hex digits", required: true}, amount: AMOUNT_ARG},
  flags: JUDGE_FLAGS,
  async run({insured, amount, ...flags}, context) {
    await openJudged({amountUctz: readAmount(amount), insured: readAccount(insured)}, flags, context);
  },
});

export const lockAward = command({
  path: ["lock", "award"],
  summary: "As a judge, pay out of a bounty or a bond; with several judges, sign what the others sign next",
  examples: [
    "lock award <lock> <account>=5",
    "lock award <lock> <account>=5 <account>=2.5 burn=1 --final",
    "lock award <lock> --final",
    "lock award <lock> <account>=5 -o award.txt",
  ],
  args: {
    ...LOCK_ARG,
    payouts: {describe: `<who>=<amount>…; who is ${TARGET_HELP}`, rest: true},
  },
  flags: {
    final: {kind: "switch", describe: "Close the lock: what is left goes back at once"},
    ...OUT_FLAG,
  },
  async run({lock, payouts, final, out}, context) {
    const {client} = context;
    const body = {payouts: payouts.map(readPayout), ...(final ? {isFinal: true} : {})};
    if (payouts.length === 0 && !final)
      throw new CodedError("USAGE", {message: "Name who is paid how much, or close the lock with --final."});
    const view = await (await client()).call("lockAward", {params: {id: readLock(lock)}, body});
    await show(view, out, context);
  },
});

export const lockSign = command({
  path: ["lock", "sign"],
  summary: "As one of several judges, sign an award; the last signature that it needs sends it",
  examples: ["lock sign @award.txt --look", "lock sign @award.txt -o award2.txt"],
  args: {award: {describe: "What lock award printed: the text, @file, or - for stdin", required: true}},
  flags: {look: {kind: "switch", describe: "Only say what it is, and sign nothing"}, ...OUT_FLAG},
  async run({award, look, out}, context) {
    const {client, io} = context;
    const text = await readWord(award, io);
    if (!/^[A-Za-z0-9_-]{200,8192}$/.test(text))
      throw new CodedError("AWARD_INVALID", {message: "That is no award: letters, digits, - and _ only."});
    const body = {award: text, ...(look ? {isLook: true} : {})};
    const view = await (await client()).call("lockSign", {body});
    await show(view, out, context);
  },
});

type JudgeFlags = {
  readonly judge: readonly string[];
  readonly threshold: string | undefined;
  readonly expires: string | undefined;
  readonly memo: string | undefined;
};

async function openJudged(
  terms: Pick<LockJudgedBody, "amountUctz" | "payees" | "insured">,
  {judge, threshold, expires, memo}: JudgeFlags,
  {client, output}: CommandContext,
): Promise<void> {
  if (judge.length === 0) throw new CodedError("USAGE", {message: "Somebody must judge: --judge."});
  const judges = judge
    .map(readParty)
    .map(({account, key}) => (key === undefined ? {account} : {account, key}));
  const body: LockJudgedBody = {
    ...{...terms, judges, validMs: readExpires(expires)},
    ...(threshold === undefined ? {} : {threshold: readThreshold(threshold)}),
    ...(memo === undefined ? {} : {memo}),
  };
  const view = await (await client()).call("lockJudged", {body});
  output.data(view, () => openedText(view, body.amountUctz));
}

function readThreshold(text: string): number {
  if (/^([1-9]|1[0-6])$/.test(text)) return Number(text);
  throw new CodedError("USAGE", {message: `--threshold: "${text}" is not a number from 1 to 16.`});
}

async function show(
  view: LockAwardView,
  out: string | undefined,
  {output, io}: CommandContext,
): Promise<void> {
  if (out !== undefined && view.award !== undefined) {
    await writeFile(resolve(io.cwd, out), `${view.award}\n`);
    output.note(`wrote ${out}: the other judges pass it to ctz lock sign`);
  }
  output.data(view, () => awardText(view));
}

function awardText(view: LockAwardView): string {
  const {payouts, isFinal, feeUctz, threshold, signedBy, award, isCertified, op, lock} = view;
  const lines = [
    ...payouts.map(({amountUctz, ...to}) => `${ctz(amountUctz)} to ${targetText(to)}`),
    `fee ${ctz(feeUctz)}, out of the lock`,
    ...(isFinal ? ["closes the lock: what is left goes back"] : []),
    `signed by ${signedBy.map(shortId).join(", ") || "nobody"}: ${signedBy.length} of ${threshold}`,
    ...(isCertified ? [`left in the lock: ${ctz(lock.leftUctz)}`] : []),
  ];
  const text = `${lines.join("\n")}\n`;
  if (op !== undefined) return `${text}${opLine(op)}`;
  return award === undefined ? text : `${text}for the other judges, to ctz lock sign:\n${award}\n`;
}
