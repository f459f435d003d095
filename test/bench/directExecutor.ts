/** The executor process that a provider would use, called without any daemon: what calls are compared with. */
import {mkdtemp, rm} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import type {Log} from "@catalyze/core/ports/log";
import type {Cid} from "@catalyze/core/primitives/id";
import type {Manifest} from "@catalyze/core/task/manifest";
import {encodeParams} from "@catalyze/core/task/params";
import {unitsMax} from "@catalyze/core/task/units";
import {EXECUTOR_DEFAULTS, ExecutorPool} from "@catalyze/daemon/exec/executorPool";
import {detectIsolation} from "@catalyze/daemon/exec/isolation";
import {draftOf} from "./benchNetwork.ts";

const silent: Log = {debug() {}, info() {}, warn() {}, error() {}, child: () => silent};
const TIMEOUT_MS = 60_000;

export type DirectExecutor = {
  run(input: Uint8Array): Promise<{readonly output: Uint8Array; readonly executorMs: number}>;
  stop(): Promise<void>;
};

/** Warm when it resolves. */
export async function openDirectExecutor(alias: string, slots: number): Promise<DirectExecutor> {
  const draft = await draftOf(alias);
  const bundle = `bench-${alias}` as Cid;
  const manifest: Manifest = {
    ...draft,
    files: draft.files.map(({name, bytes}) => ({name, bytes, cid: bundle})),
  };
  const files = draft.files.map(({name, path}) => ({name, path}));
  const bytes = draft.files.reduce((sum, file) => sum + file.bytes, 0);
  const bundlesDir = await mkdtemp(join(tmpdir(), "ctz-bench-direct-"));
  const isolation = await detectIsolation();
  // A sandbox would hide models that lie outside of the bundles' folder.
  const pool = new ExecutorPool(
    {bundles: {open: async () => ({cid: bundle, manifest, files, bytes})}, log: silent},
    {...EXECUTOR_DEFAULTS, slots, queueMax: 1_024, isolation: {...isolation, bwrap: undefined}, bundlesDir},
  );
  const params = encodeParams(draft.kind, {});
  await Promise.all(Array.from({length: slots}, () => pool.prepare(bundle)));
  return {
    run: async (input) =>
      await pool.run({
        ...{bundle, params, input, timeoutMs: TIMEOUT_MS},
        unitsMax: unitsMax(manifest, params, input),
      }),
    async stop() {
      await pool.stop();
      await rm(bundlesDir, {recursive: true, force: true});
    },
  };
}
