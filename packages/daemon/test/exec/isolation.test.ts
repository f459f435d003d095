import {describe, expect, it} from "vitest";
import {confine, describeIsolation, detectIsolation, NO_ISOLATION} from "../../src/exec/isolation.ts";

const input = {program: ["node", "child.js"], readPaths: ["/a b"], memoryBytesMax: 1000} as const;

describe("confine", () => {
  it("runs the plain program where nothing is there", () => {
    expect(confine(NO_ISOLATION, input)).toEqual(["node", "child.js"]);
    expect(describeIsolation(NO_ISOLATION)).toContain("plain child process");
  });

  it("puts limits outside, the sandbox inside, and shows read paths read-only", () => {
    const command = confine({bwrap: "/b", prlimit: "/p", setpriv: "/s"}, input);
    expect(command.slice(0, 6)).toEqual(["/p", "--data=1000", "--core=0", "--fsize=0", "--nofile=256", "/b"]);
    const text = command.join("|");
    expect(text).toContain("--ro-bind|/a b|/a b");
    expect(text).toContain("--unshare-all|--die-with-parent");
    expect(text).not.toContain("/s");
    expect(command.slice(-2)).toEqual(["node", "child.js"]);
  });

  it("asks for a death signal where there is no sandbox", () => {
    const command = confine({...NO_ISOLATION, setpriv: "/s"}, input);
    expect(command).toEqual(["/s", "--pdeathsig", "KILL", "node", "child.js"]);
  });

  it("lets only measuring write, and a little", () => {
    expect(confine({...NO_ISOLATION, prlimit: "/p"}, {...input, scratchBytesMax: 5})).toContain("--fsize=5");
  });
});

describe("detectIsolation", () => {
  it("finds nothing on an empty path", async () => {
    expect(await detectIsolation("")).toEqual(NO_ISOLATION);
    expect(await detectIsolation("/nonexistent")).toEqual(NO_ISOLATION);
  });
});
