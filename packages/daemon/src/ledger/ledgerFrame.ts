/** Frames of the ledger stream and of the entries topic: size check, decode; use is the caller's. */
import {create, fromBinary, type MessageInitShape, toBinary} from "@bufbuild/protobuf";
import {CodedError} from "@catalyze/core/errors/codedError";
import {type LedgerFrame, LedgerFrameSchema} from "@catalyze/proto/gen/catalyze/v1/ledger_pb";
import {LIMITS} from "@catalyze/proto/limits";

/** What a frame says; `case` is one of the kinds of `ledger.proto`, never `undefined`. */
export type LedgerFrameBody = Exclude<LedgerFrame["body"], {case: undefined}>;
export type LedgerFrameInit = NonNullable<MessageInitShape<typeof LedgerFrameSchema>["body"]>;

export function encodeLedgerFrame(body: LedgerFrameInit): Uint8Array {
  return toBinary(LedgerFrameSchema, create(LedgerFrameSchema, {body}));
}

/** Throws `FRAME_TOO_LARGE` before decoding, `DECODE_INVALID` after. */
export function decodeLedgerFrame(
  bytes: Uint8Array,
  bytesMax: number = LIMITS.ledgerFrameBytesMax,
): LedgerFrameBody {
  if (bytes.length > bytesMax) {
    throw new CodedError("FRAME_TOO_LARGE", {evidence: {bytes: bytes.length, max: bytesMax}});
  }
  let frame: LedgerFrame;
  try {
    frame = fromBinary(LedgerFrameSchema, bytes, {readUnknownFields: false});
  } catch (cause) {
    throw new CodedError("DECODE_INVALID", {cause, evidence: {bytes: bytes.length}});
  }
  if (frame.body.case === undefined)
    throw new CodedError("DECODE_INVALID", {evidence: {reason: "emptyFrame"}});
  return frame.body;
}
