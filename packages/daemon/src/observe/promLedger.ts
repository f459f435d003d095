/** The ledger's counters over prom-client. */
import {INVARIANTS, type Invariant} from "@catalyze/core/ledger/invariantNames";
import {Counter, Gauge, Histogram, type Registry} from "prom-client";
import type {LedgerMetrics} from "../ledger/ledgerMetrics.ts";

/** From a certificate on loopback to one across a slow network. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function ledgerMetrics(registry: Registry): LedgerMetrics {
  const registers = [registry];
  const counter = (name: string, help: string): Counter => new Counter({name, help, registers});
  const gauge = (name: string, help: string): Gauge => new Gauge({name, help, registers});
  const histogram = (name: string, help: string): Histogram =>
    new Histogram({name, help, registers, buckets: SECONDS});
  const certified = counter("ctz_ledger_ops_certified_total", "Ops certified");
  const certifiedSeconds = histogram("ctz_ledger_certificate_seconds", "Own ops: from submit to certificate");
  const rejected = new Counter({
    name: "ctz_ledger_inputs_rejected_total",
    help: "Inputs that the ledger refused",
    labelNames: ["code"],
    registers,
  });
  const height = gauge("ctz_ledger_height", "Height of the last checkpoint");
  const epoch = gauge("ctz_ledger_epoch", "Epoch of the last checkpoint");
  const labelled = {labelNames: ["invariant"], registers};
  const checks = new Counter({
    name: "ctz_ledger_invariant_checks_total",
    help: "Checks of each invariant",
    ...labelled,
  });
  const violations = new Counter({
    name: "ctz_ledger_invariant_violations_total",
    help: "Checks of each invariant that did not hold",
    ...labelled,
  });
  const broken = new Gauge({
    name: "ctz_ledger_invariant_broken",
    help: "1 since an invariant broke, until a restart",
    ...labelled,
  });
  // All of them from the start: an alarm needs a line that was 0.
  for (const invariant of [...(Object.keys(INVARIANTS) as Invariant[]), "other"]) {
    checks.inc({invariant}, 0);
    violations.inc({invariant}, 0);
    broken.set({invariant}, 0);
  }
  const persistedInputs = counter("ctz_ledger_inputs_persisted_total", "Inputs written to disk");
  const persistSeconds = histogram("ctz_ledger_persist_seconds", "One group commit on disk");
  const degraded = gauge("ctz_ledger_degraded", "1 while the ledger cannot certify");
  const synced = counter("ctz_ledger_entries_synced_total", "Entries brought by sync");
  const compared = counter("ctz_ledger_pending_compared_total", "Comparisons of pending ops with a peer");
  const exchanged = counter(
    "ctz_ledger_pending_exchanged_total",
    "Pending ops given and taken by comparisons",
  );
  const pruned = counter("ctz_ledger_entries_pruned_total", "Entries deleted from disk");
  const logsStart = gauge("ctz_ledger_logs_start_height", "Height at which the logs on disk start");
  const queue = gauge("ctz_ledger_queue_depth", "Inputs that wait");
  return {
    opsCertified: (count) => certified.inc(count),
    opCertifiedSeconds: (seconds) => certifiedSeconds.observe(seconds),
    inputRejected: (code) => rejected.inc({code}),
    checkpoint(at, epochNumber) {
      height.set(Number(at));
      epoch.set(epochNumber);
    },
    invariantChecked: (invariant, count) => checks.inc({invariant}, count),
    invariantBroken(invariant) {
      violations.inc({invariant});
      broken.set({invariant}, 1);
    },
    persisted(inputs, seconds) {
      persistedInputs.inc(inputs);
      persistSeconds.observe(seconds);
    },
    degraded: (isDegraded) => degraded.set(isDegraded ? 1 : 0),
    syncRound: (entries) => synced.inc(entries),
    pendingCompared(offered, wanted) {
      compared.inc();
      exchanged.inc(offered + wanted);
    },
    pruned: (entries) => pruned.inc(entries),
    logsStart: (at) => logsStart.set(Number(at)),
    queueLength: (inputs) => queue.set(inputs),
  };
}
