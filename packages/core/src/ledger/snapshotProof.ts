import type {SignatureVerifier} from "../ports/signer.ts";
import {fromHex} from "../primitives/bytes.ts";
import {isProven} from "./finality.ts";
import {type Genesis, genesisHash, networkIdOf} from "./genesis.ts";
import {followHandovers} from "./handover.ts";
import {refuseSnapshot, type SnapshotHead} from "./snapshot.ts";

/**
 * Throws `SNAPSHOT_INVALID` where the chain of committees from the genesis does not lead to the quorum that
 * signed the checkpoint. What the snapshot says of its state is not looked at: `SnapshotBuilder` does that.
 */
export function checkSnapshotProof(
  {final, handovers}: Pick<SnapshotHead, "final" | "handovers">,
  {genesis, verifier}: {readonly genesis: Genesis; readonly verifier: SignatureVerifier},
): void {
  const wrong = (reason: string) => refuseSnapshot({part: "head", reason});
  const hash = genesisHash(genesis);
  const {network, epoch} = final.checkpoint;
  if (network !== networkIdOf(hash)) wrong("of another network");
  const followed = followHandovers(genesis, handovers, verifier);
  const isFollowed = followed !== undefined && epoch >= followed.sinceEpoch;
  if (!isFollowed) wrong("chain of committees");
  else if (!isProven(final, {committee: followed.committee, verifier, genesisHash: fromHex(hash)}))
    wrong("not signed by a quorum");
}
