/** What shows that an op counts, from the entries in memory: see `opProof.ts`. */
import type {OpId} from "../primitives/id.ts";
import type {LogCell} from "./cell.ts";
import {makeCertificates} from "./certificateMaking.ts";
import {epochOfHeight} from "./checkpoint.ts";
import type {Dag} from "./dag.ts";
import type {Certificate} from "./evidenceCodec.ts";
import type {Op} from "./op.ts";
import {NO_OP} from "./opCodec.ts";
import {CERTIFICATES_MAX, FOLLOWING_MAX, type OpLine} from "./opProof.ts";
import type {LedgerParams} from "./params.ts";
import {committeeAt} from "./register.ts";
import type {LedgerState} from "./state.ts";

type LineIn = {
  readonly dag: Dag;
  /** Of the last checkpoint, and that one's height. */
  readonly base: LedgerState;
  readonly height: bigint;
  readonly params: Pick<LedgerParams, "checkpointsPerEpoch">;
};

export type ShownLine = OpLine & {readonly op: Op};

/** `undefined` when too few entries are in memory, too few have voted, or more would have to be shown than has room. */
export function lineTo(id: OpId, from: LineIn): ShownLine | undefined {
  const op = carriedIn(from.dag, (each) => each.id === id)[0];
  if (op === undefined) return undefined;
  const log = new Map(
    carriedIn(from.dag, ({body}) => body.cell === op.body.cell).map((each) => [each.id, each]),
  );
  const cell = from.base.logCell(op.body.cell);
  const [seq, epoch] = [cell?.seq ?? 0n, epochOfHeight(from.height, from.params.checkpointsPerEpoch)];
  if (op.body.seq > seq) return certified(op, {log, cell, ...from});
  const certificates = certificatesIn([op], epoch, from);
  if (certificates.length > 0) return {op, following: [], certificates};
  const following = backTo(op.body.seq, log.get(cell?.head ?? NO_OP), {log, max: FOLLOWING_MAX});
  return following?.[0]?.id === id ? {op, following, certificates: []} : undefined;
}

function carriedIn(dag: Dag, isWanted: (op: Op) => boolean): readonly Op[] {
  const found: Op[] = [];
  for (const {entry} of dag.nodes()) found.push(...entry.carry.filter(isWanted));
  return found;
}

type LogIn = LineIn & {readonly log: ReadonlyMap<OpId, Op>; readonly cell: LogCell | undefined};

/** Every op beyond the cell's head has its certificate in the epoch that is open. */
function certified(op: Op, {log, cell, ...from}: LogIn): ShownLine | undefined {
  const ops = backTo((cell?.seq ?? 0n) + 1n, op, {log, max: CERTIFICATES_MAX});
  const epoch = epochOfHeight(from.height + 1n, from.params.checkpointsPerEpoch);
  if (ops?.[0]?.body.prev !== (cell?.head ?? NO_OP)) return undefined;
  const certificates = certificatesIn(ops, epoch, from);
  return certificates.length === ops.length ? {op, following: [], certificates} : undefined;
}

/** The ops of one log from the slot up to this one. */
function backTo(
  seq: bigint,
  last: Op | undefined,
  {log, max}: {readonly log: ReadonlyMap<OpId, Op>; readonly max: number},
): readonly Op[] | undefined {
  const ops: Op[] = [];
  for (let op = last; op !== undefined && ops.length < max; op = log.get(op.body.prev)) {
    ops.push(op);
    if (op.body.seq === seq) return ops.reverse();
  }
  return undefined;
}

function certificatesIn(ops: readonly Op[], epoch: number, {dag, base, params}: LineIn): Certificate[] {
  const committee = committeeAt(base.register, epoch);
  return committee === undefined ? [] : makeCertificates(ops, {dag, epoch, committee, params});
}
