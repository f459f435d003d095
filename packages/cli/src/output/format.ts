/** Values as people read them. */
import {formatCtz} from "@catalyze/core/primitives/amount";

/** A decimal string of µCTZ. */
export function ctz(uctz: string): string {
  return formatCtz(BigInt(uctz));
}

/** Ids are long: enough to tell apart; the full text is in `--json`. */
export function shortId(id: string): string {
  return id.length <= 16 ? id : `${id.slice(0, 6)}…${id.slice(-6)}`;
}

/** `onnx/bafy…`; the alias where there is one. */
export function className(view: {readonly taskClass: string; readonly alias?: string | undefined}): string {
  if (view.alias !== undefined) return view.alias;
  const [kind, cid] = view.taskClass.split("/");
  return cid === undefined ? view.taskClass : `${kind}/${shortId(cid)}`;
}

export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.round((ms % 3_600_000) / 60_000)} min`;
}

export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  if (count < 1024 * 1024) return `${(count / 1024).toFixed(1)} KiB`;
  if (count < 1024 ** 3) return `${(count / 1024 ** 2).toFixed(1)} MiB`;
  return `${(count / 1024 ** 3).toFixed(1)} GiB`;
}

/** Local-independent: `2026-11-21 10:00:00`. */
export function time(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}

export function percent(bps: number): string {
  return `${bps / 100} %`;
}

export function yesNo(value: boolean): string {
  return value ? "yes" : "no";
}

/** `1 witness`, `4 witnesses`: what stands behind a grade. */
export function witnesses(count: number): string {
  return `${count} witness${count === 1 ? "" : "es"}`;
}
