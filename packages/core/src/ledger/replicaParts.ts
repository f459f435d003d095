/** Builds the parts of a replica from what was restored, and ties them together. */

import type {Signer} from "../ports/signer.ts";
import {fromHex} from "../primitives/bytes.ts";
import {Agreement} from "./agreement.ts";
import {Book, type BookOptions} from "./book.ts";
import {Committee} from "./committee.ts";
import {checkEvidence} from "./evidence.ts";
import {genesisHash, networkIdOf} from "./genesis.ts";
import {checkOpForm} from "./opChecks.ts";
import {OpIntake} from "./opIntake.ts";
import {OwnLog} from "./ownLog.ts";
import {Pool} from "./pool.ts";
import type {ReplicaComponents, RestoredReplica} from "./replicaTypes.ts";
import {readSigningTable} from "./signingTable.ts";
import {VOTE_RULES} from "./voteRules.ts";
import {Voter} from "./voter.ts";

/** Δ of checkpoint agreement: a quarter of the interval, within what networks are like. */
const DELAY_MIN_MS = 250;
const DELAY_MAX_MS = 1_000;

export type ReplicaParts = {
  readonly network: number;
  readonly genesisHash: Uint8Array;
  readonly committee: Committee;
  readonly witness: {readonly index: number; readonly signer: Signer} | undefined;
  readonly book: Book;
  readonly voter: Voter;
  readonly pool: Pool;
  readonly intake: OpIntake;
  readonly agreement: Agreement;
  readonly ownLog: OwnLog | undefined;
  /** The store has own entries that the signing table does not know. */
  readonly isTableOld: boolean;
};

export function replicaParts(components: ReplicaComponents, restored: RestoredReplica): ReplicaParts {
  const {genesis, verifier, voteSigner, voteRules = VOTE_RULES, isForker = false} = components;
  const {params} = genesis;
  const hash = genesisHash(genesis);
  const network = {network: networkIdOf(hash), genesisHash: fromHex(hash)};
  const committee = new Committee(genesis.witnesses);
  const witness = witnessOf(committee, voteSigner);
  const check = {...network, verifier, opFee: params.opFee};
  const isSound: BookOptions["isSound"] = (op, state, epoch) => checkOpForm(op, {...check, state, epoch}).ok;
  const proofCheck = {committee, params, verifier, ...network};
  const prove: BookOptions["prove"] = (proof) => checkEvidence(proof, proofCheck);
  const {witnesses} = genesis;
  const book = new Book({committee, params, isSound, prove, witnesses}, restored);
  const table = readSigningTable(restored.signed);
  const voter = new Voter(
    {...check, rules: voteRules, isProof: (proof) => prove(proof) !== undefined},
    table.votes,
  );
  voter.forget(book.base, book.epoch);
  const pool = new Pool();
  const delayMs = Math.min(DELAY_MAX_MS, Math.max(DELAY_MIN_MS, params.checkpointIntervalMs / 4));
  const {genesisHash: hashBytes} = network;
  const agreement = new Agreement(
    {committee, verifier, genesisHash: hashBytes, witness, book, delayMs},
    table.consensus,
  );
  const own = witness && {
    ...network,
    book,
    pool,
    voter,
    params,
    witness: witness.index,
    signer: witness.signer,
    isForker,
  };
  const ownLog = own && new OwnLog(own, table.entries);
  return {
    ...network,
    ...{committee, witness, book, voter, pool, agreement, ownLog},
    intake: new OpIntake({book, pool, voter, isWitness: witness !== undefined}),
    isTableOld: !isForker && isTableOld(book, ownLog, witness?.index),
  };
}

function witnessOf(committee: Committee, signer: Signer | undefined): ReplicaParts["witness"] {
  const index = signer && committee.indexOf(signer.publicKey);
  return signer === undefined || index === undefined ? undefined : {index, signer};
}

function isTableOld({dag}: Book, ownLog: OwnLog | undefined, witness: number | undefined): boolean {
  const head = witness === undefined ? undefined : dag.head(witness);
  const last = head && dag.node(head.hash)?.entry;
  return last !== undefined && ownLog?.isUnknown(last) === true;
}
