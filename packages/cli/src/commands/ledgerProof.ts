import {readFile, writeFile} from "node:fs/promises";
import {resolve} from "node:path";
import {BalanceProofView, OpProofView} from "@catalyze/api/schema/money";
import {validate} from "@catalyze/api/validate";
import {createVerifier} from "@catalyze/core/crypto/verifySignature";
import {CodedError} from "@catalyze/core/errors/codedError";
import {checkCell, decodeBalanceProof, PROOF_BYTES_MAX} from "@catalyze/core/ledger/balanceProof";
import {balanceOf, stakeOf} from "@catalyze/core/ledger/cell";
import type {Genesis} from "@catalyze/core/ledger/genesis";
import {checkOpProof, decodeOpProof} from "@catalyze/core/ledger/opProof";
import {GENESIS_BYTES_MAX, parseGenesis} from "@catalyze/core/ledger/parseGenesis";
import {type AccountId, isHash} from "@catalyze/core/primitives/id";
import {command} from "../command.ts";
import type {CommandContext} from "../context.ts";
import {ctz, time} from "../output/format.ts";
import {pairs} from "../output/table.ts";
import {lotText} from "./lots.ts";

/** Base64 of the largest proof, and the other fields. */
const FILE_BYTES_MAX = PROOF_BYTES_MAX * 2;

export const ledgerProof = command({
  path: ["ledger", "proof"],
  summary:
    "Prove what an account holds, or that an op counts; checks it here, or a file of anybody's without a daemon",
  examples: [
    "ledger proof -o mine.json",
    "ledger proof --op <op id> -o paid.json",
    "ledger proof --check mine.json --genesis genesis.json",
  ],
  args: {account: {describe: "64 hex digits; this node's own where none is named"}},
  flags: {
    out: {kind: "text", alias: "o", value: "file", describe: "Write the proof there"},
    op: {kind: "text", value: "op id", describe: "That this op counts: one of the latest"},
    check: {kind: "text", value: "file", describe: "Check this proof; needs no daemon"},
    genesis: {
      kind: "text",
      value: "file",
      describe: "Whose witnesses to trust (else the genesis of this home)",
    },
  },
  async run({account, op, out, check, genesis: genesisFile}, context) {
    const {output, io, layout} = context;
    if (account !== undefined && op !== undefined)
      throw new CodedError("USAGE", {message: "Of an account or of an op: one of the two."});
    const genesis = await readGenesis(resolve(io.cwd, genesisFile ?? layout.genesis));
    const shown =
      check === undefined ? await asked(context, {account, op}) : await readProof(resolve(io.cwd, check));
    const about = "opId" in shown ? shown.opId : shown.account;
    const wanted = account ?? op;
    if (wanted !== undefined && about !== wanted)
      throw new CodedError("PROOF_INVALID", {message: `That proof is about ${about}.`});
    const {result, rows} = "opId" in shown ? checkedOp(shown, genesis) : checkedAccount(shown, genesis);
    if (out !== undefined) {
      await writeFile(resolve(io.cwd, out), `${JSON.stringify({v: 1, ...shown})}\n`);
      output.note(`wrote ${out}`);
    }
    output.data(result, () => pairs(rows, output.paint));
  },
});

type Checked = {readonly result: object; readonly rows: Parameters<typeof pairs>[0]};

function checkedAccount(shown: BalanceProofView, genesis: Genesis): Checked {
  const result = checked(shown, genesis);
  const {balanceUctz, stakedUctz, height, signatures, witnesses, atMs, isPresent} = result;
  return {
    result,
    rows: [
      ["account", shown.account],
      ["balance", isPresent ? ctz(balanceUctz) : "none: this account has never been credited"],
      ["staked", isPresent ? ctz(stakedUctz) : undefined],
      ["at height", `${height}, ${time(atMs)}`],
      ["signed by", `${signatures} of ${witnesses} witnesses of its epoch`],
    ],
  };
}

/** The op counts, whatever comes: what it moves is in its body. */
function checkedOp({opId, proof}: OpProofView, genesis: Genesis): Checked {
  const given = {genesis, verifier: createVerifier()};
  const proven = checkOpProof(decoded(proof, decodeOpProof), given);
  const {op, grade, checkpoint, epoch, votes, committeeSize} = proven;
  if (op.id !== opId) throw new CodedError("PROOF_INVALID", {message: `That proof is about ${op.id}.`});
  const {cell, payload, seq, fee} = op.body;
  const outputs = payload.kind === "transfer" ? payload.outputs : [];
  const asset = payload.kind === "transfer" ? payload.asset?.id : undefined;
  const paid = outputs.map(({to, amount}) => ({
    to,
    ...(asset === undefined ? {amountUctz: amount.toString()} : {assetId: asset, units: amount.toString()}),
  }));
  return {
    result: {
      ...{opId, kind: payload.kind, cell, seq: seq.toString(), feeUctz: fee.toString()},
      ...{grade, height: checkpoint.height.toString(), atMs: checkpoint.timeMs},
      ...{epoch, votes, witnesses: committeeSize, ...(paid.length === 0 ? {} : {outputs: paid})},
    },
    rows: [
      ["op", `${opId}, ${payload.kind}`],
      ["of", `${cell}, number ${seq} in its log`],
      ...paid.map((each): [string, string] => ["gives", `${lotText(each)} to ${each.to}`]),
      [
        grade,
        `${grade === "certified" ? "above" : "at"} height ${checkpoint.height}, ${time(checkpoint.timeMs)}`,
      ],
      ["signed by", `${votes} of ${committeeSize} witnesses of epoch ${epoch}`],
    ],
  };
}

function checked({account, proof}: BalanceProofView, genesis: Genesis) {
  const name = {kind: "account", id: account as AccountId} as const;
  const given = {genesis, verifier: createVerifier()};
  const {cell, checkpoint, witnesses, committeeSize} = checkCell(
    name,
    decoded(proof, decodeBalanceProof),
    given,
  );
  return {
    account,
    isPresent: cell !== undefined,
    balanceUctz: (cell === undefined ? 0n : balanceOf(cell)).toString(),
    stakedUctz: (cell === undefined ? 0n : stakeOf(cell)).toString(),
    height: checkpoint.height.toString(),
    epoch: checkpoint.epoch,
    stateRoot: checkpoint.stateRoot,
    atMs: checkpoint.timeMs,
    signatures: witnesses.length,
    witnesses: committeeSize,
  };
}

function decoded<Proof>(proof: string, decode: (bytes: Uint8Array) => Proof): Proof {
  try {
    return decode(new Uint8Array(Buffer.from(proof, "base64")));
  } catch (cause) {
    throw new CodedError("PROOF_INVALID", {message: "These are not the bytes of a proof.", cause});
  }
}

type Wanted = {readonly account: string | undefined; readonly op: string | undefined};

async function asked(
  {client}: CommandContext,
  {account, op}: Wanted,
): Promise<BalanceProofView | OpProofView> {
  const api = await client();
  if (op !== undefined) {
    if (!isHash(op))
      throw new CodedError("NOT_FOUND", {message: `"${op}" is no id of an op: 64 hex digits.`});
    const {v: _, ...view} = await api.call("ledgerOpProof", {params: {op}});
    return view;
  }
  const about = account ?? (await api.call("wallet", {})).account;
  const {v: _, ...view} = await api.call("ledgerProof", {params: {account: about}});
  return view;
}

async function readProof(path: string): Promise<BalanceProofView | OpProofView> {
  const text = await readText(path, FILE_BYTES_MAX);
  try {
    const {v: _, ...fields} = JSON.parse(text) as Record<string, unknown>;
    const schema = "opId" in fields ? OpProofView : BalanceProofView;
    return validate(schema, fields, {where: "proof"}) as BalanceProofView | OpProofView;
  } catch (cause) {
    throw new CodedError("PROOF_INVALID", {message: `${path} holds no proof.`, cause});
  }
}

async function readGenesis(path: string): Promise<Genesis> {
  return parseGenesis(await readText(path, GENESIS_BYTES_MAX));
}

async function readText(path: string, bytesMax: number): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const {code = "unknown"} = cause as NodeJS.ErrnoException;
    throw new CodedError("USAGE", {message: `Cannot read ${path} (${code}).`, cause});
  }
  if (bytes.length > bytesMax) throw new CodedError("USAGE", {message: `${path} is too large.`});
  return bytes.toString("utf8");
}
