import {KeyedSet} from "@catalyze/core/ledger/keyedSet";
import type {Op} from "@catalyze/core/ledger/op";
import {answerTo, Comparison} from "@catalyze/core/ledger/ranges";
import type {LedgerReplica} from "@catalyze/core/ledger/replicaTypes";

type Holder = Pick<LedgerReplica, "unlistedOps">;

/** What one gives the other, and takes from it, after a comparison by messages. */
export function reconciled(
  asker: Holder,
  other: Holder,
  salt: Uint8Array,
): {readonly given: readonly Op[]; readonly taken: readonly Op[]} {
  const [own, theirs] = [asker.unlistedOps(), other.unlistedOps()];
  const [ownSet, theirSet] = [setOf(own, salt), setOf(theirs, salt)];
  const comparison = new Comparison(ownSet);
  for (let question: Uint8Array | undefined = comparison.first(); question !== undefined; )
    question = comparison.next(answerTo(theirSet, question));
  return {
    given: named(own, ownSet, comparison.offered),
    taken: named(theirs, theirSet, comparison.wanted),
  };
}

function setOf(ops: readonly Op[], salt: Uint8Array): KeyedSet {
  const keyed = ops.map(({id, body}) => ({id, epoch: body.validUntilEpoch}));
  return new KeyedSet(keyed, salt);
}

function named(ops: readonly Op[], set: KeyedSet, keys: ReadonlySet<string>): Op[] {
  const ids = set.ids();
  const chosen = new Set([...keys].map((key) => ids.get(key)));
  return ops.filter(({id}) => chosen.has(id));
}
