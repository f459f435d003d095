/** The contracts' own tests, run by forge. Without forge this fails and says how to get it. */
import {describe, expect, it} from "vitest";
import {sourcesHash as committed} from "../src/abi/sourcesHash.ts";

const {findForge, forge} = await import(new URL("../scripts/forge.mjs", import.meta.url).href);
const {sourcesHash} = await import(new URL("../scripts/sourcesHash.mjs", import.meta.url).href);

describe("contracts", () => {
  it("committed ABI and bytecode come from these sources (else: npm run -w packages/contracts gen)", () => {
    expect(committed).toBe(sourcesHash());
  });

  it("pass their unit, fuzz and invariant tests", {timeout: 120_000}, () => {
    const {status, stdout, stderr} = forge(["test"]);
    const tail = `${stdout}\n${stderr}`.slice(-4000);
    expect(status, tail).toBe(0);
    const [, passed, failed] = /: (\d+) tests passed, (\d+) failed/.exec(stdout) ?? [];
    expect(Number(passed), tail).toBeGreaterThanOrEqual(42);
    expect(failed).toBe("0");
  });

  it("are formatted", () => {
    expect(forge(["fmt", "--check"]).status).toBe(0);
  });

  it("a forge that is missing is said, never skipped", () => {
    expect(() => findForge({CTZ_FORGE: "/nowhere/forge"})).toThrow("CTZ_FORGE");
  });
});
