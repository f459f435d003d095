/** What must hold of every simulated network at any moment, and more once all messages have arrived. */
import {CodedError} from "@catalyze/core/errors/codedError";
import {checkInvariants, isConserved} from "@catalyze/core/ledger/invariants";
import type {LockId} from "@catalyze/core/primitives/id";
import {isOpenTask} from "@catalyze/core/task/taskState";
import type {TaskEntry} from "@catalyze/daemon/pipeline/taskBook";
import type {SimNetwork} from "./simNetwork.ts";
import type {SimNode} from "./simNode.ts";

/** Everything wrong with the network's money and tasks; empty when nothing is. */
export function auditNetwork(sim: SimNetwork): string[] {
  const found: string[] = [];
  const {state} = sim;
  for (const {invariant, detail} of checkInvariants(state)) found.push(`${invariant}: ${detail}`);
  const {totals} = state;
  const supply = sim.world.genesis.accounts.reduce((sum, {balance}) => sum + balance, 0n);
  if (!isConserved(totals)) found.push("money is not conserved");
  if (totals.accounts + totals.locks + totals.stake + totals.burned !== supply) found.push("supply changed");
  for (const node of sim.nodes) if (node.isUp) found.push(...auditRequester(sim, node));
  for (const complaint of sim.world.complaints) found.push(`logged: ${describe(complaint)}`);
  return found;
}

/** All tasks of the nodes that are up have ended; every charge has reached its provider. */
export function auditEnded(sim: SimNetwork): string[] {
  const found = [...auditNetwork(sim), ...auditReplicas(sim)];
  for (const node of sim.nodes) {
    if (!node.isUp) continue;
    for (const {record} of node.market.taskBook.list()) {
      if (isOpenTask(record.state))
        found.push(`${node.name}: task ${record.taskId} is still ${record.state}`);
    }
    found.push(...auditDelivery(sim, node), ...auditLocks(node));
  }
  return found;
}

/** Checkpoints that may be on their way. */
const LAG_MAX = 5n;

/** Every replica that is up has caught up, votes where it is a witness, and has nothing waiting. */
function auditReplicas(sim: SimNetwork): string[] {
  const up = sim.nodes.flatMap(({name, isUp, ledgerHome}) => {
    const status = isUp ? ledgerHome.status() : undefined;
    return status === undefined ? [] : [{name, ...status}];
  });
  const highest = up.reduce((high, {height}) => (height > high ? height : high), 0n);
  return up.flatMap(({name, height, opsPending, isStopped, failure}) => [
    ...(highest - height > LAG_MAX ? [`${name}: its ledger is at ${height} of ${highest}`] : []),
    ...(opsPending > 0 ? [`${name}: ${opsPending} ops are pending`] : []),
    ...(isStopped ? [`${name}: its ledger has stopped`] : []),
    ...(failure === undefined ? [] : [`${name}: its ledger cannot write: ${failure.code}`]),
  ]);
}

/** Money in an open lock that its payer does not know would be of no use until the lock expires. */
function auditLocks(node: SimNode): string[] {
  const known = new Set(node.market.payments.openLocks().map(({id}) => id));
  return [...node.ledgerHome.state().locks()]
    .filter(({id, payer, isClosed}) => payer === node.account && !isClosed && !known.has(id))
    .map(({id}) => `${node.name}: has forgotten its lock ${id}`);
}

/** What this node's vouchers owe by its own records: per lock, the charges of paid attempts. */
export function chargedByLock(node: SimNode): Map<LockId, bigint> {
  const sums = new Map<LockId, bigint>();
  for (const {record} of node.market.taskBook.list()) {
    for (const {state, lockId, chargedUctz} of record.attempts) {
      if (state !== "paid" || lockId === undefined) continue;
      sums.set(lockId, (sums.get(lockId) ?? 0n) + chargedUctz);
    }
  }
  return sums;
}

function auditRequester(sim: SimNetwork, node: SimNode): string[] {
  const found: string[] = [];
  for (const entry of node.market.taskBook.list()) {
    found.push(...auditTask(entry).map((each) => `${node.name}: task ${entry.record.taskId}: ${each}`));
  }
  for (const [lockId, charged] of chargedByLock(node)) {
    const sent = node.running.vouchers.lastSent(lockId)?.cumulative;
    const lock = sim.state.lock(lockId);
    if (lock === undefined) continue;
    // The charge is written first: until its voucher is written too, less is vouchered.
    if (sent !== undefined && sent > charged)
      found.push(`${node.name}: lock ${lockId} vouchered ${sent}, charged ${charged}`);
    if (charged > lock.spec.amount) found.push(`${node.name}: lock ${lockId} charged above its amount`);
    if (lock.drawn > charged)
      found.push(`${node.name}: lock ${lockId} drawn ${lock.drawn}, charged ${charged}`);
  }
  return found;
}

function auditTask({record, extras}: TaskEntry): string[] {
  const found: string[] = [];
  const {state, attempts, chargedUctz, copies, reason, priceMax} = record;
  const paid = attempts.filter((attempt) => attempt.state === "paid");
  const sum = paid.reduce((total, attempt) => total + attempt.chargedUctz, 0n);
  if (!isOpenTask(state) && sum !== chargedUctz) found.push(`charged ${chargedUctz}, attempts say ${sum}`);
  if (paid.length > 2) found.push(`paid ${paid.length} attempts for ${copies} copies`);
  if (sum > priceMax) found.push(`paid ${sum}, above its maximum of ${priceMax}`);
  if (attempts.some((attempt) => attempt.state !== "paid" && attempt.chargedUctz !== 0n))
    found.push("charged for an attempt that is not paid");
  if (state === "done" && paid.length === 0) found.push("done and never paid");
  if ((state === "failed" || state === "cancelled") && (chargedUctz !== 0n || reason === undefined))
    found.push(`ended ${state} with charge ${chargedUctz} and reason ${reason?.code}`);
  if (!isOpenTask(state) && state !== "done" && extras.receipts.some(({voucher}) => voucher !== ""))
    found.push("a voucher for a task that failed");
  return found;
}

/** Every voucher sent on an open lock has arrived. */
function auditDelivery(sim: SimNetwork, node: SimNode): string[] {
  const found: string[] = [];
  for (const [lockId, charged] of chargedByLock(node)) {
    const lock = sim.state.lock(lockId);
    const sent = node.running.vouchers.lastSent(lockId)?.cumulative;
    if (lock !== undefined && sent !== undefined && sent !== charged)
      found.push(`${node.name}: lock ${lockId} vouchered ${sent} in the end, charged ${charged}`);
    const payee = sim.nodes.find(({account}) => account === lock?.spec.controller);
    if (lock === undefined || lock.isClosed || payee === undefined || !payee.isUp) continue;
    const received = payee.running.vouchers.lastReceived(lockId)?.cumulative ?? 0n;
    if (received !== charged)
      found.push(`${payee.name}: lock ${lockId} of ${node.name} received ${received} of ${charged}`);
    // Less is possible: of two results that its node's death cut off, a late voucher may be put to the
    // account of the cheaper one.
    const credited = payee.market.jobs.creditedOn(lockId);
    if (credited > charged) found.push(`${payee.name}: lock ${lockId} credited ${credited} of ${charged}`);
  }
  return found;
}

function describe({node, message, fields}: SimNetwork["world"]["complaints"][number]): string {
  const error = (fields as {error?: unknown} | undefined)?.error;
  const why = error instanceof CodedError ? `${error.code} ${error.message}` : String(error ?? "");
  return `${node}: ${message} ${why}`;
}
