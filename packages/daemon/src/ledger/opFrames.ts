import type {Op} from "@catalyze/core/ledger/op";

const FRAME_OPS_MAX = 512;
const FRAME_BYTES_MAX = 1024 * 1024;

/** The first ops that go into one frame: at least one. */
export function opsThatFit(ops: Iterable<Op>): Op[] {
  const fitting: Op[] = [];
  let bytes = 0;
  for (const op of ops) {
    const isFull = fitting.length >= FRAME_OPS_MAX;
    if (isFull || (fitting.length > 0 && bytes + op.bytes.length > FRAME_BYTES_MAX)) break;
    fitting.push(op);
    bytes += op.bytes.length;
  }
  return fitting;
}
