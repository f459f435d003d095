/**
 * The determinism class of this node's results: equal strings mean bit-equal results (measured). It
 * names runtime version, provider, instruction set, threads, optimisation level and batch layout.
 */
import {readFileSync} from "node:fs";
import {arch} from "node:os";

export function determinismOf(runtimeVersion: string): string {
  return `ort-${runtimeVersion}/cpu/${arch()}-${instructionSet()}/t1/all/b1`;
}

/** The widest vector instructions that the runtime's kernels choose between. */
function instructionSet(): string {
  let flags: string;
  try {
    flags = readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return "unknown";
  }
  const has = (flag: string) => new RegExp(`\\b${flag}\\b`).test(flags);
  if (has("avx512f")) return has("avx512_vnni") ? "avx512vnni" : "avx512";
  if (has("avx2")) return "avx2";
  if (has("avx")) return "avx";
  return has("asimd") ? "neon" : "base";
}
