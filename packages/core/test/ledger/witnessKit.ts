/** Networks of real replicas for unit tests: no faults, no clock, everything by hand. */

import {createVerifier} from "@catalyze/core/crypto/verifySignature";
import {voteEpochOf} from "@catalyze/core/ledger/checkpoint";
import type {Committee} from "@catalyze/core/ledger/committee";
import type {Effect, ReplicaInput} from "@catalyze/core/ledger/effects";
import type {Ack, Entry} from "@catalyze/core/ledger/entry";
import {signEntry} from "@catalyze/core/ledger/entryCodec";
import {entryNumber, placeOfEntry} from "@catalyze/core/ledger/entryNumber";
import {type Genesis, genesisHash, networkIdOf} from "@catalyze/core/ledger/genesis";
import type {Op, Payload} from "@catalyze/core/ledger/op";
import {feeOf} from "@catalyze/core/ledger/opChecks";
import {NO_OP, signOp} from "@catalyze/core/ledger/opCodec";
import {committeeNow, genesisRegister} from "@catalyze/core/ledger/register";
import {Replica} from "@catalyze/core/ledger/replica";
import type {ReplicaComponents, RestoredReplica} from "@catalyze/core/ledger/replicaTypes";
import {freshReplica} from "@catalyze/core/ledger/restoreReplica";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {Hash, OpId, PeerId} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import {alice, type Person, person, testGenesis} from "./kit.ts";

export const NOW = 1_800_000_000_000;
/** Of an answer to a sync that has room for everything. */
export const ROOM = {itemsMax: 1_000, bytesMax: 100_000_000, turn: 0};
export const NO_HASH = "0".repeat(64) as Hash;
export const verifier = createVerifier();
export const witnesses = Array.from({length: 21}, (_, index) => person(`w${index}`));

export function genesisOf(count: number): Genesis {
  return {
    ...testGenesis,
    witnesses: witnesses.slice(0, count).map(({publicKey}, index) => ({
      peerId: `12D3KooWTestTestTestTest${index + 1}` as PeerId,
      voteKey: toHex(publicKey),
      evmAddress: "11".repeat(20),
      weight: 1,
      account: alice.account,
    })),
  };
}

export function committeeOf(count: number): Committee {
  return committeeNow(genesisRegister(genesisOf(count)));
}

export function replicaOf(
  genesis: Genesis,
  index: number,
  restored: Partial<RestoredReplica> = {},
  options: Pick<ReplicaComponents, "workUnits"> = {},
): Replica {
  return new Replica(
    {genesis, verifier, voteSigner: witnesses[index], ...options},
    {...freshReplica(genesis), ...restored},
  );
}

/** An op of a person's account, properly signed for this genesis. */
export function ownOp(
  genesis: Genesis,
  who: Person,
  slot: {seq: bigint; head: OpId},
  payload: Payload,
  validUntilEpoch = 1_000,
): Op {
  const hash = genesisHash(genesis);
  const body = {
    version: 1,
    network: networkIdOf(hash),
    cell: who.account,
    seq: slot.seq + 1n,
    prev: slot.head,
    validFromEpoch: 0,
    validUntilEpoch,
    fee: feeOf(payload, genesis.params.opFee),
    deps: [],
    payload,
  };
  return signOp(body, who, fromHex(hash));
}

export const FIRST = {seq: 0n, head: NO_OP};

export type EntryParts = {
  readonly witness: number;
  /** Place in the epoch of its stamp. */
  readonly n?: bigint;
  readonly prev?: Hash;
  readonly refs?: readonly Entry[];
  readonly carry?: readonly Op[];
  readonly acks?: readonly Ack[];
  readonly timeMs?: number;
  readonly stampH?: bigint;
  readonly stampHash?: Hash;
  readonly isSeal?: boolean;
};

export function entryOf(genesis: Genesis, parts: EntryParts): Entry {
  const {witness, n = 1n, prev = NO_HASH, refs = [], carry = [], acks = [], timeMs = NOW} = parts;
  const {stampH = 0n, stampHash = NO_HASH, isSeal = false} = parts;
  const hash = genesisHash(genesis);
  const header = {
    network: networkIdOf(hash),
    epoch: 0,
    witness,
    n: entryNumber(voteEpochOf({stampH}, genesis.params), placeOfEntry(n)),
    prev,
    ...{stampH, stampHash, timeMs, isSeal},
    refs: refs.map(({header: ref, hash: refHash}) => ({witness: ref.witness, n: ref.n, hash: refHash})),
  };
  return signEntry({header, carry, acks}, witnesses[witness]!, fromHex(hash));
}

/** What each of the others has of the log of a witness that still has to hear it. */
export function testify(to: Replica, others: readonly Replica[], nowMs: number): Effect[] {
  return others.flatMap((other) => {
    const {seat} = to;
    if (other === to || seat === undefined || !to.isSilent) return [];
    const seats = other.seat === undefined ? [] : [other.seat];
    return to.step({kind: "heard", seats, ...other.testimonyFor(seat), from: undefined}, nowMs as UnixMs);
  });
}

/** The same in the name of a member that is none of them: each asked it too, as it asks every other. */
export function testifyFor(seat: number, replicas: readonly Replica[], nowMs: number): void {
  for (const to of replicas)
    for (const {seat: own} of replicas) {
      if (own === undefined) continue;
      const heard = {seats: [seat], ...to.testimonyFor(own), from: undefined};
      to.step({kind: "heard", ...heard}, nowMs as UnixMs);
    }
}

/** Steps every replica until nobody has anything more to say at this time. */
export function settle(replicas: readonly Replica[], nowMs: number): Effect[] {
  const said: Effect[] = replicas.flatMap((to) => testify(to, replicas, nowMs));
  const queue: {to: Replica; input: ReplicaInput}[] = replicas.map((to) => ({to, input: {kind: "tick"}}));
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const {to, input} = next;
    for (const effect of to.step(input, nowMs)) {
      said.push(effect);
      if (effect.kind !== "broadcast") continue;
      for (const other of replicas) {
        if (other !== to)
          queue.push({to: other, input: {kind: effect.what, bytes: effect.bytes, from: undefined}});
      }
    }
  }
  return said;
}
