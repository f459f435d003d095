/** Builds the parts of a replica from what was restored, and ties them together. */

import type {Signer} from "../ports/signer.ts";
import {fromHex} from "../primitives/bytes.ts";
import {Agreement} from "./agreement.ts";
import {Book, type BookOptions} from "./book.ts";
import {decodeConsensus} from "./consensusCodec.ts";
import {decodeEntry} from "./entryCodec.ts";
import {ENTRY_ROOM} from "./entryRoom.ts";
import {checkEvidence} from "./evidence.ts";
import {genesisHash, networkIdOf} from "./genesis.ts";
import {Liars} from "./liars.ts";
import {checkOpForm} from "./opChecks.ts";
import {decodeOp} from "./opCodec.ts";
import {OpIntake} from "./opIntake.ts";
import {OwnLog} from "./ownLog.ts";
import {Pool} from "./pool.ts";
import {seatOf} from "./register.ts";
import type {Decoders, ReplicaComponents, RestoredReplica} from "./replicaTypes.ts";
import {readSigningTable} from "./signingTable.ts";
import {soundnessOf} from "./soundness.ts";
import {VOTE_RULES, type VoteContext} from "./voteRules.ts";
import {Voter} from "./voter.ts";

/** Δ of checkpoint agreement: a quarter of the interval, within what networks are like. */
const DELAY_MIN_MS = 250;
const DELAY_MAX_MS = 1_000;
/** Of work on a checkpoint before other inputs get their turn: some 5 ms. */
const WORK_UNITS = 500;

const DECODERS: Decoders = {entry: decodeEntry, op: decodeOp, consensus: decodeConsensus};

export type ReplicaParts = {
  /** `undefined` for a follower, and where the signing table was moved to another machine. */
  readonly voteSigner: Signer | undefined;
  readonly isMoved: boolean;
  readonly network: number;
  readonly genesisHash: Uint8Array;
  readonly decoders: Decoders;
  readonly book: Book;
  readonly voter: Voter;
  readonly pool: Pool;
  readonly intake: OpIntake;
  readonly agreement: Agreement;
  /** The log of this node's vote key, once that key has a seat. */
  readonly openOwnLog: () => OwnLog | undefined;
};

export function replicaParts(components: ReplicaComponents, restored: RestoredReplica): ReplicaParts {
  const {genesis, verifier, voteRules = VOTE_RULES} = components;
  const {isForker = false, hasForgotten = false, workUnits = WORK_UNITS, decoders = DECODERS} = components;
  const {entryRoom: room = ENTRY_ROOM} = components;
  const hash = genesisHash(genesis);
  const network = {network: networkIdOf(hash), genesisHash: fromHex(hash)};
  const check = {...network, verifier};
  const worthOf: BookOptions["soundnessOf"] = (op, state, epoch) =>
    soundnessOf(checkOpForm(op, {...check, state, epoch}));
  const prove: BookOptions["prove"] = (proof, register) =>
    checkEvidence(proof, {register, params: genesis.params, verifier, ...network});
  const book = new Book({soundnessOf: worthOf, prove, room}, restored);
  const table = readSigningTable(restored.signed);
  const {shortenedH} = table;
  const signer = table.isMoved ? undefined : components.voteSigner;
  const liars = new Liars(() => book.committee);
  const isProof: VoteContext["isProof"] = (proof, register) => prove(proof, register) !== undefined;
  const areLiars: VoteContext["areLiars"] = (mask) => liars.areAll(mask);
  const voter = new Voter({...check, rules: voteRules, isProof, areLiars}, table.votes);
  voter.forget(book.base, book.epoch);
  const pool = new Pool();
  const delayMs = () => Math.min(DELAY_MAX_MS, Math.max(DELAY_MIN_MS, book.params.checkpointIntervalMs / 4));
  const {genesisHash: hashBytes} = network;
  const agreement = new Agreement(
    {verifier, genesisHash: hashBytes, signer, book, delayMs, workUnits},
    table,
  );
  const openOwnLog = () => {
    const witness = signer && seatOf(book.base.register, signer.publicKey);
    if (signer === undefined || witness === undefined) return undefined;
    const parts = {...network, ...{book, pool, voter, verifier, liars, shortenedH}};
    return new OwnLog({...parts, ...{witness, signer, isForker, hasForgotten}}, table.entries);
  };
  const isWitness = () => signer !== undefined && book.committee.seatOf(signer.publicKey) !== undefined;
  const intake = new OpIntake({book, pool, voter, liars, isWitness, decode: decoders.op});
  const {isMoved} = table;
  return {
    ...{...network, voteSigner: signer, isMoved, decoders},
    ...{book, voter, pool, agreement, intake, openOwnLog},
  };
}
