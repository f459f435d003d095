import type {Reporter, TestModule} from "vitest/node";

/**
 * Names every test that passed only when tried again, then prints one plain closing line,
 * `N passed, N failed[, N skipped]`, that any CI can read.
 */
export default class PlainCount implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = {passed: 0, failed: 0, skipped: 0};
    for (const module of modules) {
      // A file that does not load has no tests to count, yet it is a failure.
      if (module.children.size === 0 && module.errors().length > 0) count.failed += 1;
      for (const test of module.children.allTests()) {
        const {state} = test.result();
        if (test.diagnostic()?.flaky === true)
          process.stdout.write(`\nneeded a second try: ${test.fullName}\n`);
        if (state !== "pending") count[state] += 1;
      }
    }
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : "";
    process.stdout.write(`\n${count.passed} passed, ${count.failed} failed${skipped}\n`);
  }
}
