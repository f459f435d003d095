/**
 * Which signatures the replica will check when it takes an input: read from bytes that nobody has decoded yet,
 * so that a shell can have them checked on another thread while the input waits. A wrong guess costs that
 * thread a check and changes nothing: what the guess missed is checked when the input is taken.
 */
import {DOMAIN} from "@catalyze/proto/domains";
import {signedBytes} from "../crypto/signed.ts";
import type {SignatureCheck} from "../ports/signer.ts";
import type {CellId, Hash} from "../primitives/id.ts";
import type {ReplicaInput} from "./effects.ts";
import {peekCarriedOps, peekEntryHash} from "./entryCodec.ts";
import {peekSignature} from "./opCodec.ts";

export type ChecksAheadContext = {
  readonly genesisHash: Uint8Array;
  /** Only who votes checks the ops of others' entries. */
  readonly isMember: boolean;
  readonly hasEntry: (hash: Hash) => boolean;
  /** An op of a cell that is not there is refused without a look at who signed it. */
  readonly hasCell: (cell: CellId) => boolean;
};

export function checksAheadOf(input: ReplicaInput, context: ChecksAheadContext): readonly SignatureCheck[] {
  if (input.kind === "op") return checksOfOp(input.bytes, context, context.hasCell);
  if (input.kind !== "entry" || !context.isMember) return [];
  const hash = peekEntryHash(input.bytes);
  if (hash === undefined || context.hasEntry(hash)) return [];
  return peekCarriedOps(input.bytes).flatMap((bytes) => checksOfOp(bytes, context));
}

function checksOfOp(
  bytes: Uint8Array,
  {genesisHash}: ChecksAheadContext,
  isWanted: (cell: CellId) => boolean = () => true,
): SignatureCheck[] {
  const found = peekSignature(bytes);
  if (found === undefined || !isWanted(found.cell)) return [];
  const {bodyBytes, publicKey, signature} = found;
  return [{signature, message: signedBytes(DOMAIN.op, genesisHash, bodyBytes), publicKey}];
}
