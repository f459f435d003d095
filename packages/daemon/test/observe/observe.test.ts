import {existsSync, mkdtempSync, readdirSync, readFileSync, rmSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {CodedError} from "@catalyze/core/errors/codedError";
import {afterEach, beforeEach, describe, expect, it} from "vitest";
import {Metrics} from "../../src/observe/metrics.ts";
import {PinoLog} from "../../src/observe/pinoLog.ts";
import {LOG_FILES_MAX, RotatingFile} from "../../src/observe/rotatingFile.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ctz observe "));
});
afterEach(() => rmSync(folder, {recursive: true, force: true}));

describe("PinoLog", () => {
  it("writes JSON lines to the file and readable ones to stderr, without secrets or payloads", () => {
    const file = join(folder, "ctz.log");
    let shown = "";
    const stderr = {write: (text: string) => (shown += text)};
    const log = PinoLog.open({level: "info", format: "pretty", file, stderr, hasColour: false});
    const child = log.child({module: "net/gossip"});
    child.debug("not logged");
    child.info("not for people");
    child.warn("offer accepted", {
      taskId: "1",
      apiToken: "s3cret",
      nested: {passphrase: "s3cret", prompt: "s3cret"},
      amountUctz: 5n,
      data: new Uint8Array(9),
      error: new CodedError("DEADLINE", {evidence: {tookMs: 5}, cause: new Error("below")}),
    });
    log.close();
    const lines = readFileSync(file, "utf8").trim().split("\n");
    expect(lines.length).toBe(2);
    expect(shown).not.toContain("not for people");
    const line = JSON.parse(lines[1] ?? "");
    expect(line).toMatchObject({
      level: "warn",
      msg: "offer accepted",
      module: "net/gossip",
      apiToken: "[redacted]",
      amountUctz: "5",
      data: "<9 bytes>",
      error: {code: "DEADLINE", evidence: {tookMs: 5}, cause: {message: "below"}},
    });
    expect(line.ts).toMatch(/^\d{4}-\d\d-\d\dT/);
    for (const text of [shown, readFileSync(file, "utf8")]) expect(text).not.toContain("s3cret");
    expect(shown).toMatch(/^\d\d:\d\d:\d\d warn {2}net\/gossip: offer accepted {2}taskId=1 /);
  });

  it("survives what cannot be written", () => {
    const lost = new RotatingFile(join(folder, "a.log"), 10);
    rmSync(folder, {recursive: true, force: true});
    lost.write("x".repeat(20));
    lost.write("y\n");
    lost.write("z\n");
    expect(lost.linesLost).toBeGreaterThan(0);
    lost.close();
  });
});

describe("RotatingFile", () => {
  it("keeps the newest lines and a bounded number of files", () => {
    const path = join(folder, "ctz.log");
    const file = new RotatingFile(path, 100);
    for (let index = 0; index < 100; index += 1) file.write(`line ${index} ${"x".repeat(20)}\n`);
    file.close();
    expect(readdirSync(folder).length).toBe(LOG_FILES_MAX);
    expect(existsSync(`${path}.${LOG_FILES_MAX}`)).toBe(false);
    expect(readFileSync(path, "utf8")).toContain("line 99 ");
    const again = new RotatingFile(path, 100);
    again.write("after\n");
    again.close();
    expect(readFileSync(path, "utf8")).toContain("after");
  });
});

describe("Metrics", () => {
  it("counts what parts report and reads gauges at each scrape", async () => {
    const metrics = new Metrics("1.2.3");
    let peers = 1;
    metrics.observe({peers: () => peers, balanceUctz: () => 7n, storeBytes: async () => 4_096});
    metrics.taskEnded("requester", "failed", "NO_PROVIDER");
    metrics.taskPhase("execute", 0.2);
    metrics.ledger.opsCertified(3);
    metrics.ledger.invariantChecked("I3", 5);
    metrics.ledger.invariantBroken("I4");
    metrics.voucher("in", "accepted");
    metrics.earned(50n);
    peers = 4;
    const {body, mediaType} = await metrics.text();
    expect(mediaType).toContain("text/plain");
    for (const line of [
      'ctz_build_info{version="1.2.3"} 1',
      'ctz_tasks_total{role="requester",outcome="failed",code="NO_PROVIDER"} 1',
      "ctz_store_bytes 4096",
      'ctz_task_phase_duration_seconds_count{phase="execute"} 1',
      "ctz_ledger_ops_certified_total 3",
      'ctz_ledger_invariant_checks_total{invariant="I3"} 5',
      'ctz_ledger_invariant_violations_total{invariant="I4"} 1',
      'ctz_ledger_invariant_broken{invariant="I4"} 1',
      'ctz_ledger_invariant_violations_total{invariant="I1"} 0',
      "ctz_earned_uctz_total 50",
      "ctz_peers 4",
      "ctz_ledger_balance_uctz 7",
    ]) {
      expect(body).toContain(line);
    }
  });

  it("two nodes in one process do not share counters", async () => {
    const [left, right] = [new Metrics("1"), new Metrics("1")];
    left.earned(5n);
    expect((await right.text()).body).toContain("ctz_earned_uctz_total 0");
  });
});
