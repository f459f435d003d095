/** Signs transfers, round robin over the owners, each owner's in order. */
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {OP_VERSION, type Op, type Payload} from "@catalyze/core/ledger/op";
import {NO_OP, signOp} from "@catalyze/core/ledger/opCodec";
import type {AccountId, CellId, Hash, OpId} from "@catalyze/core/primitives/id";
import type {World} from "./world.ts";

const MEMO = "0".repeat(64) as Hash;
const AMOUNT = 5n;
/** A prime, so that every account has its turn, and none is near the op in whose log it stands itself. */
const PAYEE_STRIDE = 1_009;

export class OpMaker {
  readonly #world: World;
  readonly #ids: readonly AccountId[];
  readonly #heads = new Map<CellId, {readonly seq: bigint; readonly id: OpId}>();
  #turn = 0;
  #payee = 0;

  constructor(world: World) {
    this.#world = world;
    this.#ids = world.owners.map(({publicKey}) => accountIdOf(publicKey));
  }

  /** Transfers to `payees` accounts each, drawn from `among` in turn: every account there is equally often hit. */
  transfers(count: number, payees = 1, among: readonly AccountId[] = this.#ids): Op[] {
    return Array.from({length: count}, () => {
      const outputs = Array.from({length: payees}, () => {
        this.#payee += PAYEE_STRIDE;
        return {to: among[this.#payee % among.length]!, amount: AMOUNT};
      });
      return this.sign(this.#turn++ % this.#ids.length, {kind: "transfer", outputs, memo: MEMO});
    });
  }

  /** The next op of an owner's account. */
  sign(owner: number, payload: Payload): Op {
    const {owners, genesis, network, hash} = this.#world;
    const cell = this.#ids[owner]!;
    const head = this.#heads.get(cell) ?? {seq: 0n, id: NO_OP};
    const op = signOp(
      {
        version: OP_VERSION,
        network,
        cell,
        seq: head.seq + 1n,
        prev: head.id,
        validFromEpoch: 0,
        validUntilEpoch: 1_000_000,
        fee: genesis.params.opFee,
        deps: [],
        payload,
      },
      owners[owner]!,
      hash,
    );
    this.#heads.set(cell, {seq: op.body.seq, id: op.id});
    return op;
  }
}
