import {readFile, writeFile} from "node:fs/promises";
import {resolve} from "node:path";
import {BalanceProofView} from "@catalyze/api/schema/money";
import {validate} from "@catalyze/api/validate";
import {createVerifier} from "@catalyze/core/crypto/verifySignature";
import {CodedError} from "@catalyze/core/errors/codedError";
import {checkCell, decodeBalanceProof, PROOF_BYTES_MAX} from "@catalyze/core/ledger/balanceProof";
import {balanceOf, stakeOf} from "@catalyze/core/ledger/cell";
import type {Genesis} from "@catalyze/core/ledger/genesis";
import {GENESIS_BYTES_MAX, parseGenesis} from "@catalyze/core/ledger/parseGenesis";
import type {AccountId} from "@catalyze/core/primitives/id";
import {command} from "../command.ts";
import type {CommandContext} from "../context.ts";
import {ctz, time} from "../output/format.ts";
import {pairs} from "../output/table.ts";

/** Base64 of the largest proof, and the other fields. */
const FILE_BYTES_MAX = PROOF_BYTES_MAX * 2;

export const ledgerProof = command({
  path: ["ledger", "proof"],
  summary: "Prove what an account holds; checks it here, or a file of anybody's without a daemon",
  examples: ["ledger proof -o mine.json", "ledger proof --check mine.json --genesis genesis.json"],
  args: {account: {describe: "64 hex digits; this node's own where none is named"}},
  flags: {
    out: {kind: "text", alias: "o", value: "file", describe: "Write the proof there"},
    check: {kind: "text", value: "file", describe: "Check this proof; needs no daemon"},
    genesis: {
      kind: "text",
      value: "file",
      describe: "Whose witnesses to trust (else the genesis of this home)",
    },
  },
  async run({account, out, check, genesis: genesisFile}, context) {
    const {output, io, layout} = context;
    const genesis = await readGenesis(resolve(io.cwd, genesisFile ?? layout.genesis));
    const shown =
      check === undefined ? await asked(context, account) : await readProof(resolve(io.cwd, check));
    if (account !== undefined && shown.account !== account)
      throw new CodedError("PROOF_INVALID", {message: `That proof is about ${shown.account}.`});
    const result = checked(shown, genesis);
    if (out !== undefined) {
      await writeFile(resolve(io.cwd, out), `${JSON.stringify({v: 1, ...shown})}\n`);
      output.note(`wrote ${out}`);
    }
    const {balanceUctz, stakedUctz, height, signatures, witnesses, atMs, isPresent} = result;
    output.data(result, () =>
      pairs(
        [
          ["account", shown.account],
          ["balance", isPresent ? ctz(balanceUctz) : "none: this account has never been credited"],
          ["staked", isPresent ? ctz(stakedUctz) : undefined],
          ["at height", `${height}, ${time(atMs)}`],
          ["signed by", `${signatures} of ${witnesses} witnesses of its epoch`],
        ],
        output.paint,
      ),
    );
  },
});

function checked({account, proof}: BalanceProofView, genesis: Genesis) {
  const name = {kind: "account", id: account as AccountId} as const;
  const given = {genesis, verifier: createVerifier()};
  const {cell, checkpoint, witnesses, committeeSize} = checkCell(name, decoded(proof), given);
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

function decoded(proof: string) {
  try {
    return decodeBalanceProof(new Uint8Array(Buffer.from(proof, "base64")));
  } catch (cause) {
    throw new CodedError("PROOF_INVALID", {message: "These are not the bytes of a proof.", cause});
  }
}

async function asked({client}: CommandContext, account: string | undefined): Promise<BalanceProofView> {
  const api = await client();
  const about = account ?? (await api.call("wallet", {})).account;
  const {v: _, ...view} = await api.call("ledgerProof", {params: {account: about}});
  return view;
}

async function readProof(path: string): Promise<BalanceProofView> {
  const text = await readText(path, FILE_BYTES_MAX);
  try {
    const {v: _, ...fields} = JSON.parse(text) as Record<string, unknown>;
    return validate(BalanceProofView, fields, {where: "proof"}) as BalanceProofView;
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
