/** The committee as it judges: every member signs what the simulation says is owed. */
import type {Awarded, Verdict} from "@catalyze/core/ledger/op";
import {committeeAt, type Register} from "@catalyze/core/ledger/register";
import {signVerdict} from "@catalyze/core/ledger/verdict";
import type {VerdictSubject} from "@catalyze/core/ledger/verdictCodec";
import type {Signer} from "@catalyze/core/ports/signer";
import {equalBytes} from "@catalyze/core/primitives/bytes";

export type Judging = Awarded &
  VerdictSubject & {
    /** Only as many members sign as are just no quorum. */
    readonly isBelow?: true;
    /** Named in place of the present one. */
    readonly epoch?: number;
  };

export type Bench = {readonly register: Register; readonly epoch: number};

export class Judges {
  readonly #voteSigners: readonly Signer[];
  readonly #genesisHash: Uint8Array;

  constructor(voteSigners: readonly Signer[], genesisHash: Uint8Array) {
    this.#voteSigners = voteSigners;
    this.#genesisHash = genesisHash;
  }

  judge({isBelow, ...about}: Judging, {register, epoch: now}: Bench): Verdict {
    const {taskId, amount, base, epoch = now} = about;
    const committee = committeeAt(register, now)!;
    let weight = 0;
    const signatures = committee.members.flatMap(({seat, voteKey, weight: own}) => {
      if (isBelow === true && weight + own >= committee.quorum) return [];
      weight += own;
      const signer = this.#voteSigners.find(({publicKey}) => equalBytes(publicKey, voteKey))!;
      return [{witness: seat, signature: signVerdict({...about, epoch}, signer, this.#genesisHash)}];
    });
    return {taskId, amount, base, epoch, signatures};
  }
}
