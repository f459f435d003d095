import {writeFile} from "node:fs/promises";
import {resolve} from "node:path";
import type {LockOpenBody, LockOpenedView} from "@catalyze/api/schema/lock";
import {CodedError} from "@catalyze/core/errors/codedError";
import {command} from "../command.ts";
import type {Io} from "../io.ts";
import {ctz, time} from "../output/format.ts";
import {pairs} from "../output/table.ts";
import {lockRows} from "./cellText.ts";
import {opLine} from "./ledgerLines.ts";
import {LOCK_ARG, readLock, readParty, readShare, readWord} from "./lockWords.ts";
import {readAmount} from "./lots.ts";
import {EXPIRES_DEFAULT, readExpires} from "./sales.ts";

export const lockOpen = command({
  path: ["lock", "open"],
  summary: "Set CTZ aside for a payee: vouchers or a clock say how much is paid, the rest comes back",
  examples: [
    "lock open <account>:<key> 50 --expires 72h",
    "lock open <account>:<key> 50 --judge <account>:<key>",
    "lock open <account>:<key> 50 --rate 1000uctz",
    "lock open <account>:<key> 50 --share pot:<asset id>=5%",
  ],
  args: {
    payee: {describe: "What the payee's `ctz wallet show` calls payee: <account>:<key>", required: true},
    amount: {describe: "1.5 (CTZ) or 1500uctz (µCTZ)", required: true},
  },
  flags: {
    expires: {
      kind: "text",
      value: "72h",
      describe: `Then what was not drawn comes back (${EXPIRES_DEFAULT})`,
    },
    judge: {kind: "text", value: "account:key", describe: "Vouchers of this one pay, instead of yours"},
    rate: {kind: "text", value: "amount", describe: "A clock pays so much at each height, and no vouchers"},
    committee: {kind: "switch", describe: "Verdicts of the network's committee pay beside your vouchers"},
    share: {
      kind: "many",
      value: "pot:asset=share",
      describe:
        "So much of each claim goes to who holds units of a seed; without =5% what its issuer asks for",
    },
    memo: {kind: "text", describe: "A note of at most 128 characters; its hash goes on the ledger"},
  },
  async run({payee, amount, expires, judge, rate, committee, share, memo}, {client, output}) {
    const {account, key} = readParty(payee);
    const body: LockOpenBody = {
      ...{payee: account, amountUctz: readAmount(amount), validMs: readExpires(expires)},
      ...(key === undefined ? {} : {payeeKey: key}),
      ...readAuthority({judge, rate, committee}),
      ...(share.length === 0 ? {} : {shares: share.map(readShare)}),
      ...(memo === undefined ? {} : {memo}),
    };
    const view = await (await client()).call("lockOpen", {body});
    output.data(view, () => openedText(view, body.amountUctz));
  },
});

export const lockPay = command({
  path: ["lock", "pay"],
  summary: "Sign a voucher for a lock's payee, up to a total; pass it on by any way",
  examples: ["lock pay <lock> 12.5 -o voucher.txt", "lock pay <lock> 20"],
  args: {
    ...LOCK_ARG,
    total: {describe: "Paid in all, earlier vouchers included: 12.5 (CTZ) or 1500uctz", required: true},
  },
  flags: {out: {kind: "text", alias: "o", value: "file", describe: "Write the voucher there"}},
  async run({lock, total, out}, {client, output, io}) {
    const body = {totalUctz: readAmount(total)};
    const view = await (await client()).call("lockPay", {params: {id: readLock(lock)}, body});
    if (out !== undefined) {
      await writeFile(resolve(io.cwd, out), `${view.voucher}\n`);
      output.note(`wrote ${out}: whoever has it can check it, and only the payee can claim it`);
    }
    output.data(view, () => `${view.voucher}\n`);
  },
});

export const lockTake = command({
  path: ["lock", "take"],
  summary:
    "Check a voucher for this account and keep it: it is claimed when that is worth it, or before the lock ends",
  examples: ["lock take @voucher.txt", "lock take <voucher>"],
  args: {voucher: {describe: "The text, @file, or - for stdin", required: true}},
  async run({voucher}, {client, output, io}) {
    const body = {voucher: await readVoucher(voucher, io)};
    const view = await (await client()).call("lockTake", {body});
    output.data(view, () => pairs(lockRows(view), output.paint));
  },
});

export const lockClaim = command({
  path: ["lock", "claim"],
  summary: "Draw now what vouchers, a verdict or the clock allow",
  examples: ["lock claim <lock>", "lock claim <lock> --voucher @voucher.txt", "lock claim <lock> --final"],
  args: LOCK_ARG,
  flags: {
    voucher: {kind: "text", value: "text|@file|-", describe: "Take this voucher first"},
    verdict: {kind: "text", value: "text|@file|-", describe: "Show this verdict of a committee"},
    final: {kind: "switch", describe: "Close the lock: what was not drawn goes back at once"},
  },
  async run({lock, voucher, verdict, final}, {client, output, io}) {
    const body = {
      ...(voucher === undefined ? {} : {voucher: await readVoucher(voucher, io)}),
      ...(verdict === undefined ? {} : {verdict: await readWord(verdict, io)}),
      ...(final ? {isFinal: true} : {}),
    };
    const view = await (await client()).call("lockClaim", {params: {id: readLock(lock)}, body});
    output.data(view, () => {
      const {drawnUctz, amountUctz, isOpen} = view.lock;
      const drawn = `drawn ${ctz(drawnUctz)} of ${ctz(amountUctz)} in all`;
      return `${drawn}${isOpen ? "" : "; the lock is closed"}\n${opLine(view)}`;
    });
  },
});

export const lockNotice = command({
  path: ["lock", "notice"],
  summary: "Stop the clock of a lock that this account pays; what ran up to there can still be drawn",
  examples: ["lock notice <lock>", "lock notice <lock> --after 24h"],
  args: LOCK_ARG,
  flags: {after: {kind: "text", value: "24h", describe: "Not before that (as soon as it can)"}},
  async run({lock, after}, {client, output}) {
    const body = after === undefined ? {} : {afterMs: readExpires(after, "--after")};
    const view = await (await client()).call("lockNotice", {params: {id: readLock(lock)}, body});
    output.data(
      view,
      () => `the clock stops at height ${view.endHeight}, about ${time(view.endsAtMs)}\n${opLine(view)}`,
    );
  },
});

export const lockAccept = command({
  path: ["lock", "accept"],
  summary: "Answer for a lock with executor stake, until it closes",
  examples: ["lock accept <lock> 10"],
  args: {...LOCK_ARG, value: {describe: "How much stake stands behind it: 10 (CTZ)", required: true}},
  async run({lock, value}, {client, output}) {
    const body = {valueUctz: readAmount(value)};
    const view = await (await client()).call("lockAccept", {params: {id: readLock(lock)}, body});
    output.data(view, () => `${ctz(body.valueUctz)} of executor stake stand behind it\n${opLine(view)}`);
  },
});

export function openedText(view: LockOpenedView, amountUctz: string): string {
  const end = `${time(view.expiresAtMs)} (height ${view.expiryHeight})`;
  return `set ${ctz(amountUctz)} aside, until about ${end}\nlock ${view.lockId}\n${opLine(view)}`;
}

type AuthorityFlags = {
  readonly judge: string | undefined;
  readonly rate: string | undefined;
  readonly committee: boolean;
};

function readAuthority({
  judge,
  rate,
  committee,
}: AuthorityFlags): Pick<LockOpenBody, "authority" | "judgeKey" | "rateUctz"> {
  if ([judge !== undefined, rate !== undefined, committee].filter(Boolean).length > 1)
    throw new CodedError("USAGE", {message: "One of --judge, --rate and --committee."});
  if (rate !== undefined) return {authority: "clock", rateUctz: readAmount(rate)};
  if (judge === undefined) return {authority: committee ? "payerOrCommittee" : "payer"};
  const {key} = readParty(judge);
  if (key === undefined)
    throw new CodedError("PAYEE_KEY_UNKNOWN", {
      message: "--judge takes <account>:<key>: vouchers need the key.",
    });
  return {authority: "key", judgeKey: key};
}

async function readVoucher(text: string, io: Io): Promise<string> {
  const word = await readWord(text, io);
  if (/^[A-Za-z0-9_-]{182}$/.test(word)) return word;
  throw new CodedError("VOUCHER_INVALID", {message: "That is no voucher: 182 letters, digits, - and _."});
}
