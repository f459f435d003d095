import {createServer} from "node:http";
import {fileURLToPath} from "node:url";
import {CodedError} from "@catalyze/core/errors/codedError";
import {ERRORS, type ErrorCode} from "@catalyze/core/errors/table";
import {afterEach, beforeEach, describe, expect, it} from "vitest";
import {AWARD, HASH, OTHER, TASK_ID, VOUCHER} from "../../daemon/test/http/fakeFacade.ts";
import {type Cli, startCli, testIo} from "./cliHarness.ts";

let cli: Cli;
beforeEach(async () => {
  cli = await startCli();
});
afterEach(async () => await cli.close());

/** Any file of this machine: the daemon decides whether it is a model. */
const FILE = fileURLToPath(import.meta.url);

const VIEWS: [string[], string][] = [
  [["status"], "12D3KooWFakePeerOne"],
  [["task", "list"], TASK_ID],
  [["task", "show", TASK_ID], "0.001 CTZ of at most 0.1 CTZ"],
  [["task", "explain", TASK_ID], "PROVIDER_BUSY"],
  [["task", "receipt", TASK_ID], "fee (burned)"],
  [["task", "cancel", TASK_ID], "cancelled"],
  [["wallet", "show"], "1.5 CTZ"],
  [["wallet", "send", OTHER, "1.5"], "certified by 4 witnesses"],
  [["wallet", "send", OTHER, "7", "--asset", HASH], "sent 7 units of"],
  [["wallet", "assets"], "990"],
  [["wallet", "issue", "seed", "1000", "--file", FILE, "--royalty", "5%"], `as asset ${HASH}`],
  [["wallet", "issue", "right", "5", "--content", HASH], "issued 5 units"],
  [["wallet", "burn", "5", "--asset", HASH], "burned 5 units"],
  [["wallet", "assets"], "5 %, 7.5 % from epoch 5 (about 2023-11-14 22:14:20)"],
  [["wallet", "harvest"], "0.003 CTZ came of"],
  [["wallet", "harvest", HASH], "0.0012 CTZ more when epoch 4 ends"],
  [["wallet", "rate", HASH, "2.5%"], "2.5 % from epoch 5 on"],
  [["wallet", "sales"], "7@cccccc"],
  [["wallet", "sales", "--all"], "2.5 CTZ"],
  [["wallet", "sell", `7@${HASH}`, "2.5", "--expires", "10m"], "until 2023-11-14 22:14:20"],
  [["wallet", "buy", HASH], `sale ${HASH}`],
  [["wallet", "history"], "-0.001 CTZ"],
  [["wallet", "backup", "/tmp/never-written"], "/tmp/never-written"],
  [["lock", "open", `${OTHER}:${HASH}`, "9", "--rate", "1000uctz"], `lock ${HASH}`],
  [["lock", "open", `${OTHER}:${HASH}`, "9", "--share", `pot:${HASH}=5%`], `lock ${HASH}`],
  [["lock", "bounty", "9", "--judge", OTHER, "--judge", `${HASH}:${HASH}`, "--threshold", "2"], "aside"],
  [["lock", "bond", OTHER, "9", "--judge", `${HASH}:${HASH}`, "--expires", "72h"], `lock ${HASH}`],
  [
    ["lock", "award", HASH, `${OTHER}=2.5`, "burn=1", `pot:${HASH}=1uctz`, "--final"],
    "left in the lock: 8 CTZ",
  ],
  [["lock", "sign", AWARD], "1 of 2"],
  [["lock", "sign", AWARD, "--look"], AWARD],
  [["lock", "list"], "2 of "],
  [["lock", "list"], "2 CTZ"],
  [["lock", "pay", HASH, "3"], VOUCHER],
  [["lock", "take", VOUCHER], "up to 3 CTZ"],
  [["lock", "claim", HASH, "--voucher", VOUCHER], "drawn 1 CTZ of 9 CTZ"],
  [["lock", "notice", HASH, "--after", "24h"], "stops at height 50"],
  [["lock", "accept", HASH, "10"], "10 CTZ of executor stake"],
  [["market", "asks"], "0.0008 CTZ"],
  [["peer", "list"], "1.5 ms"],
  [["model", "list"], "Apache-2.0"],
  [["model", "add", FILE, "--title", "x", "--licence", "MIT"], "onnx/bafyfake"],
  [["ledger", "show"], "runs unanchored"],
  [["ledger", "show", HASH], "and 2 more holders"],
  [["ledger", "verify"], "conservation"],
  [["ledger", "checkpoints"], "42"],
  [["ledger", "history"], "1.5 CTZ"],
  [["ledger", "history", OTHER], "its own"],
  [["ledger", "history", HASH, "--limit", "1"], "begin with the snapshot of height 40"],
  [["ledger", "balances"], "1.5 CTZ"],
  [["node", "info"], "prlimit"],
  [["node", "why"], "No task asked for what this node sells."],
  [["config", "list"], "maxPriceDefault"],
  [["config", "get", "slots"], "0"],
  [["config", "set", "slots", "2"], "2"],
  [["govern", "list"], "opFee=200"],
  [["govern", "show"], "200 (4)"],
  [["govern", "show", "c".repeat(8)], "a majority of what is cast"],
  [["govern", "propose", "--set", "opFee=200"], "proposed as"],
  [["govern", "propose", "--set", "protocolFeeBps=4%"], "proposed as"],
  [["govern", "vote", "c".repeat(8), "yes"], "voted yes"],
  [["quote", "ocr", "-i", "x"], "0.003 CTZ"],
  [["doctor"], "node"],
];

describe("commands that show", () => {
  for (const [args, text] of VIEWS) {
    it(`${args.slice(0, 2).join(" ")}: a text for people, one versioned object for programs`, async () => {
      const plain = await cli.run(args);
      expect(plain.out).toContain(text);
      expect(plain.out).not.toContain("\u001b");
      expect(plain.err).not.toContain("\u001b");
      const json = await cli.run([...args, "--json"]);
      expect(json.out.trim().split("\n").length).toBe(1);
      expect(JSON.parse(json.out).v).toBe(1);
      expect([0, args[0] === "doctor" ? json.code : 0]).toContain(json.code);
    }, 60_000);
  }

  it("colours on a terminal, not with NO_COLOR, --no-color or TERM=dumb", async () => {
    expect((await cli.run(["task", "list"], {isTty: true})).out).toContain("\u001b[1m");
    expect((await cli.run(["task", "list"], {isTty: true, env: {NO_COLOR: "1"}})).out).not.toContain(
      "\u001b",
    );
    expect((await cli.run(["task", "list", "--no-color"], {isTty: true})).out).not.toContain("\u001b");
    expect((await cli.run(["task", "list"], {isTty: true, env: {TERM: "dumb"}})).out).not.toContain("\u001b");
  });

  it("text of peers cannot steer the terminal", async () => {
    cli.state.task = {...cli.state.task, reason: "cheap\u001b[2J\u0007", alias: "o\u001b[31mcr"};
    for (const args of [
      ["task", "show", TASK_ID],
      ["task", "list"],
    ]) {
      const {out} = await cli.run([...args, "--no-color"], {isTty: true});
      expect(out).not.toContain("\u001b");
      expect(out).not.toContain("\u0007");
    }
  });

  it("ledger verify fails when an invariant does not hold", async () => {
    cli.state.ledgerOk = false;
    const {code, out} = await cli.run(["ledger", "verify"]);
    expect(code).toBe(1);
    expect(out).toContain("WRONG");
  });

  it("refuses what can be seen to be wrong without asking the daemon", async () => {
    const cases: [string[], string][] = [
      [["task", "show", "xyz"], "USAGE"],
      [["wallet", "send", "abc", "1"], "ACCOUNT_UNKNOWN"],
      [["wallet", "send", OTHER, "1.5.5"], "AMOUNT_INVALID"],
      [["wallet", "send", OTHER, "0"], "AMOUNT_INVALID"],
      [["wallet", "send", OTHER, "1.5", "--asset", HASH], "UNITS_INVALID"],
      [["wallet", "send", OTHER, "0", "--asset", HASH], "UNITS_INVALID"],
      [["wallet", "send", OTHER, "5", "--asset", "abc"], "ASSET_UNKNOWN"],
      [["wallet", "issue", "share", "5", "--content", HASH], "USAGE"],
      [["wallet", "issue", "seed", "5"], "USAGE"],
      [["wallet", "issue", "seed", "5", "--content", HASH, "--royalty", "101%"], "USAGE"],
      [["wallet", "issue", "seed", "5", "--content", HASH, "--royalty", "5.001%"], "USAGE"],
      [["wallet", "rate", HASH, "10001"], "USAGE"],
      [["lock", "open", `${OTHER}:${HASH}`, "9", "--share", `${OTHER}=5%`], "USAGE"],
      [["lock", "bounty", "9"], "USAGE"],
      [["lock", "bounty", "9", "--judge", "abc"], "ACCOUNT_UNKNOWN"],
      [["lock", "bounty", "9", "--judge", OTHER, "--threshold", "17"], "USAGE"],
      [["lock", "bounty", "0", "--judge", OTHER], "AMOUNT_INVALID"],
      [["lock", "bounty", "9", "--judge", OTHER, "--pays", "me"], "ACCOUNT_UNKNOWN"],
      [["lock", "bond", "abc", "9", "--judge", OTHER], "ACCOUNT_UNKNOWN"],
      [["lock", "award", "abc", `${OTHER}=5`], "LOCK_UNKNOWN"],
      [["lock", "award", HASH], "USAGE"],
      [["lock", "award", HASH, OTHER], "USAGE"],
      [["lock", "award", HASH, `${OTHER}=0`], "AMOUNT_INVALID"],
      [["lock", "award", HASH, "pot:abc=5"], "ASSET_UNKNOWN"],
      [["lock", "sign", "garbage"], "AWARD_INVALID"],
      [["wallet", "rate", "abc", "5%"], "ASSET_UNKNOWN"],
      [["wallet", "harvest", "abc"], "ASSET_UNKNOWN"],
      [["model", "add", FILE, "--royalty", "60%"], "USAGE"],
      [["wallet", "issue", "seed", "5", "--content", HASH, "--file", FILE], "USAGE"],
      [["wallet", "issue", "seed", "5", "--file", "/nonexistent/manifest"], "USAGE"],
      [["wallet", "issue", "seed", "5", "--content", HASH, "--royalty", "10001"], "USAGE"],
      [["wallet", "burn", "18446744073709551616", "--asset", HASH], "UNITS_INVALID"],
      [["wallet", "sell", "5@abc", "1"], "ASSET_UNKNOWN"],
      [["wallet", "sell", "1", "free"], "AMOUNT_INVALID"],
      [["wallet", "sell", "1", `5@${HASH}`, "--expires", "soon"], "USAGE"],
      [["wallet", "sell", "1", `5@${HASH}`, "--only", "bob"], "ACCOUNT_UNKNOWN"],
      [["wallet", "buy", "abc"], "SALE_UNKNOWN"],
      [["ledger", "show", "abc"], "NOT_FOUND"],
      [["lock", "open", "bob", "1"], "ACCOUNT_UNKNOWN"],
      [["lock", "open", `${OTHER}:bob`, "1"], "ACCOUNT_UNKNOWN"],
      [["lock", "open", `${OTHER}:${HASH}`, "1", "--judge", OTHER], "PAYEE_KEY_UNKNOWN"],
      [["lock", "open", OTHER, "1", "--committee", "--rate", "1"], "USAGE"],
      [["lock", "open", OTHER, "1", "--expires", "0s"], "USAGE"],
      [["lock", "pay", HASH, "nothing"], "AMOUNT_INVALID"],
      [["lock", "pay", "abc", "1"], "LOCK_UNKNOWN"],
      [["lock", "take", "abc"], "VOUCHER_INVALID"],
      [["lock", "take", "@/nonexistent/voucher"], "USAGE"],
      [["lock", "claim", "abc"], "LOCK_UNKNOWN"],
      [["lock", "notice", HASH, "--after", "soon"], "USAGE"],
      [["task", "list", "--limit", "0"], "USAGE"],
      [["status", "--timeout", "soon"], "USAGE"],
      [["status", "--api", "ftp://x"], "USAGE"],
    ];
    for (const [args, code] of cases) {
      const result = await cli.run(args);
      expect([args, result.code]).toEqual([args, ERRORS[code as ErrorCode].exit]);
      expect(result.err).toContain(`[${code}]`);
      expect(result.out).toBe("");
    }
  });
});

describe("ctz wallet sell", () => {
  it("asks for the mirror of an offer that is taken, only with its seller", async () => {
    expect((await cli.run(["wallet", "buy", HASH, "--expires", "2m"])).code).toBe(0);
    expect(cli.state.offers).toEqual([
      {
        ...{gives: {amountUctz: "2500000"}, wants: {assetId: HASH, units: "7"}, only: OTHER},
        validMs: 120_000,
      },
    ]);
    cli.state.saleState = "matched";
    const {code, err} = await cli.run(["wallet", "buy", HASH]);
    expect([code, err.includes("SALE_UNKNOWN")]).toEqual([4, true]);
  });

  it("waits for what becomes of it, and says with a code that nobody's offer fitted", async () => {
    cli.state.saleState = "matched";
    const matched = await cli.run(["wallet", "sell", "1", `5@${HASH}`, "--wait", "--json"]);
    expect(matched.code).toBe(0);
    expect(JSON.parse(matched.out)).toMatchObject({saleId: HASH, sale: {state: "matched"}});
    cli.state.saleState = "returned";
    const returned = await cli.run(["wallet", "sell", "1", `5@${HASH}`, "--wait", "--json"]);
    expect(returned.code).toBe(5);
    expect(JSON.parse(returned.out)).toMatchObject({error: {code: "SALE_UNMATCHED", retryable: true}});
  });
});

describe("ctz lock open", () => {
  it("says whose word pays: the payer's, a judge's, a committee's beside it, or a clock's", async () => {
    for (const flags of [[], ["--judge", `${HASH}:${OTHER}`], ["--committee"], ["--rate", "0.5"]])
      expect(
        (await cli.run(["lock", "open", `${OTHER}:${HASH}`, "9", "--expires", "2m", ...flags])).code,
      ).toBe(0);
    const terms = {payee: OTHER, payeeKey: HASH, amountUctz: "9000000", validMs: 120_000};
    expect(cli.state.locks).toEqual([
      {...terms, authority: "payer"},
      {...terms, authority: "key", judgeKey: OTHER},
      {...terms, authority: "payerOrCommittee"},
      {...terms, authority: "clock", rateUctz: "500000"},
    ]);
  });
});

describe("failures", () => {
  it("every code keeps its exit code across the API, and says who, whether and what", async () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      cli.state.failures.set("wallet.show", new CodedError(code, {evidence: {amountUctz: 5n, n: 1}}));
      const {code: exit, err} = await cli.run(["wallet", "show"]);
      expect([code, exit]).toEqual([code, ERRORS[code].exit]);
      expect(err).toContain(`[${code}]`);
      expect(err).toMatch(/at fault: .+\n {2}try again: .+\n {2}what to do: .+/);
      const json = await cli.run(["wallet", "show", "--json"]);
      expect(JSON.parse(json.out)).toMatchObject({v: 1, error: {code, actor: ERRORS[code].actor}});
      expect(json.err).toBe("");
    }
  });

  it("no daemon, a daemon that starts, a wrong token, and a stranger's server", async () => {
    const none = testIo({env: {CTZ_HOME: "/nonexistent/ctz home"}});
    expect((await cli.runWith(["status"], none)).code).toBe(3);
    expect(none.errText()).toContain("No daemon runs for /nonexistent/ctz home");

    cli.server.setFacade(undefined);
    cli.server.setPhase("joining the network");
    const starting = await cli.run(["status"]);
    expect(starting.code).toBe(3);
    expect(starting.err).toContain("joining the network");

    const url = (await cli.server.app.listeningOrigin).replace("localhost", "127.0.0.1");
    const stranger = testIo({env: {CTZ_HOME: "/nonexistent"}});
    const denied = await cli.runWith(["status", "--api", url], stranger);
    expect([denied.code, denied.err.includes("UNAUTHORIZED")]).toEqual([10, true]);

    const gone = await cli.run(["status", "--api", "http://127.0.0.1:1"]);
    expect([gone.code, gone.err.includes("DAEMON_UNREACHABLE")]).toEqual([3, true]);
  });

  it("an answer that does not come is a failure of its own", async () => {
    const silent = createServer(() => undefined).listen(0, "127.0.0.1");
    await new Promise((resolve) => silent.once("listening", resolve));
    try {
      const {port} = silent.address() as {port: number};
      const {code, err} = await cli.run([
        "peer",
        "list",
        "--api",
        `http://127.0.0.1:${port}`,
        "--timeout",
        "200ms",
      ]);
      expect([code, err.includes("API_TIMEOUT")]).toEqual([8, true]);
    } finally {
      silent.closeAllConnections();
      silent.close();
    }
  });

  it("what listens there and is not ours is named as such", async () => {
    const stranger = createServer((_request, response) => response.writeHead(500).end("<html>")).listen(
      0,
      "127.0.0.1",
    );
    await new Promise((resolve) => stranger.once("listening", resolve));
    try {
      const {port} = stranger.address() as {port: number};
      const {code, err} = await cli.run(["peer", "list", "--api", `http://127.0.0.1:${port}`]);
      expect([code, err.includes("not a daemon of ours")]).toEqual([3, true]);
    } finally {
      stranger.close();
    }
  });
});
