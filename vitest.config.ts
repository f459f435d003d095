import {defineConfig} from "vitest/config";
import {mutantPlugins} from "./test/mutants/mutants.ts";
import {TestOrder} from "./test/mutants/testOrder.ts";

const MUTANT = process.env["CTZ_MUTANT"];

// Packages resolve to their sources ("source" condition), so unit tests need no build.
const base = {
  plugins: mutantPlugins(MUTANT),
  resolve: {conditions: ["source"]},
  ssr: {resolve: {conditions: ["source"]}},
};

/** A soak takes hours. */
const SIM_MS = Number(process.env["CTZ_TEST_TIMEOUT_MS"] ?? 300_000);

const project = (name: string, include: string[], options: Record<string, unknown> = {}) => ({
  ...base,
  test: {
    name,
    include,
    setupFiles: ["./test/setup.ts"],
    // A mutant is caught by what a test says, never by a machine that is slow.
    testTimeout: MUTANT === undefined ? 30_000 : 600_000,
    hookTimeout: 60_000,
    ...options,
  },
});

export default defineConfig({
  test: {
    ...(MUTANT === undefined ? {} : {sequence: {sequencer: TestOrder}}),
    reporters: ["default", "./test/reporter/plainCount.ts"],
    projects: [
      project("unit", ["packages/*/test/**/*.test.ts"]),
      project("vectors", ["test/vectors/**/*.test.ts"]),
      // Real sockets and disks beside the fakes.
      project("conformance", ["test/conformance/**/*.test.ts"], {retry: 1}),
      project("tidy", ["test/tidy/**/*.test.ts"]),
      project("sim", ["test/sim/**/*.test.ts"], {testTimeout: SIM_MS, sequence: {groupOrder: 1}}),
      // Real processes share two cores, ports and a chain: one file at a time, and nothing beside them.
      project("e2e", ["test/e2e/**/*.test.ts"], {
        testTimeout: 300_000,
        hookTimeout: 300_000,
        fileParallelism: false,
        sequence: {groupOrder: 2},
        // A machine that stalls for seconds fails a test of real processes; the reporter names each second try.
        retry: 1,
      }),
    ],
  },
});
