import {connect, createServer} from "node:net";
import {ApiClient} from "@catalyze/api/client/apiClient";
import type {Route} from "@catalyze/api/route";
import {ROUTES} from "@catalyze/api/routes";
import {validate} from "@catalyze/api/validate";
import {CodedError} from "@catalyze/core/errors/codedError";
import {afterEach, describe, expect, it} from "vitest";
import {AWARD, TASK_ID, VOUCHER} from "./fakeFacade.ts";
import {type Harness, startHarness, TOKEN} from "./serverHarness.ts";

let harness: Harness | undefined;
afterEach(async () => {
  await harness?.close();
  harness = undefined;
});

const auth = {authorization: `Bearer ${TOKEN}`, host: "127.0.0.1:5150"};

function open(isReady = true): Harness {
  harness = startHarness({}, isReady);
  return harness;
}

const BODIES: Record<string, unknown> = {
  taskCreate: {taskClass: "ocr", input: "aGVsbG8="},
  taskRun: {taskClass: "ocr", input: "aGVsbG8="},
  quote: {taskClass: "ocr", input: "aGVsbG8="},
  walletSend: {to: "b".repeat(64), amountUctz: "5"},
  walletIssue: {kind: "seed", supply: "5", contentHash: "c".repeat(64)},
  walletSendUnits: {assetId: "c".repeat(64), to: "b".repeat(64), units: "5"},
  walletBurnUnits: {assetId: "c".repeat(64), units: "5"},
  walletHarvest: {},
  walletRate: {assetId: "c".repeat(64), royaltyBps: 500},
  walletSell: {gives: {amountUctz: "5"}, wants: {assetId: "c".repeat(64), units: "5"}, validMs: 5_000},
  lockOpen: {payee: "b".repeat(64), amountUctz: "5", authority: "payer", validMs: 5_000},
  lockJudged: {amountUctz: "5", judges: [{account: "b".repeat(64)}], validMs: 5_000},
  lockAward: {payouts: [], isFinal: true},
  lockSign: {award: AWARD},
  lockPay: {totalUctz: "5"},
  lockTake: {voucher: VOUCHER},
  lockClaim: {},
  lockNotice: {},
  lockAccept: {valueUctz: "5"},
  walletStake: {stake: "executor", amountUctz: "5"},
  walletUnstake: {stake: "executor", amountUctz: "5"},
  witnessJoin: {stakeUctz: "5"},
  governPropose: {changes: [{name: "opFee", value: "200"}]},
  governVote: {proposal: "12345678", isYes: true},
  walletBackup: {path: "/tmp/x"},
  modelAdd: {source: "onnx", path: "/tmp/a.onnx", title: "x", licence: "MIT"},
  configSet: {value: "9"},
};

const pathOf = (route: Route): string =>
  route.path
    .replace(/\/(cells|locks|history)\/\{id\}/, `/$1/${"c".repeat(64)}`)
    .replace("{id}", TASK_ID)
    .replace("{account}", "b".repeat(64))
    .replace("{op}", "c".repeat(64))
    .replace("{key}", "slots");

describe("HttpServer", () => {
  for (const [name, route] of Object.entries(ROUTES) as [string, Route][]) {
    it(`${name}: answers what its schema says, with a version`, async () => {
      const {server} = open();
      const reply = await server.app.inject({
        method: route.method,
        url: pathOf(route),
        headers: auth,
        ...(BODIES[name] === undefined ? {} : {payload: BODIES[name] as object}),
      });
      expect(reply.statusCode, reply.body).toBe(route.status);
      if (route.kind !== "json") return;
      expect(reply.json().v).toBe(1);
      validate(route.response, reply.json(), {where: "answer"});
    });

    if (route.auth) {
      it(`${name}: needs the token`, async () => {
        const {server} = open();
        for (const authorization of [undefined, "Bearer x", `Basic ${TOKEN}`, `Bearer ${TOKEN}x`]) {
          const headers = {host: "localhost:5150", ...(authorization === undefined ? {} : {authorization})};
          const reply = await server.app.inject({method: route.method, url: pathOf(route), headers});
          expect(reply.statusCode).toBe(401);
          expect(reply.json().error).toMatchObject({code: "UNAUTHORIZED", actor: "policy", retryable: false});
        }
      });

      if (!name.startsWith("config") && name !== "shutdown") {
        it(`${name}: says STARTING while there is no node`, async () => {
          const {server} = open(false);
          server.setPhase("unlocking keys");
          const reply = await server.app.inject({
            method: route.method,
            url: pathOf(route),
            headers: auth,
            ...(BODIES[name] === undefined ? {} : {payload: BODIES[name] as object}),
          });
          expect(reply.statusCode).toBe(503);
          expect(reply.json().error).toMatchObject({code: "STARTING", evidence: {phase: "unlocking keys"}});
        });
      }
    }
  }

  it("is healthy, not ready and measurable from the start, without a token", async () => {
    const {server} = open(false);
    server.setPhase("joining");
    const headers = {host: "localhost:1"};
    expect((await server.app.inject({url: "/healthz", headers})).json()).toMatchObject({
      ok: true,
      phase: "joining",
    });
    const readyz = await server.app.inject({url: "/readyz", headers});
    expect(readyz.statusCode).toBe(503);
    expect(readyz.json()).toEqual({v: 1, isReady: false, phase: "joining"});
    expect((await server.app.inject({url: "/metrics", headers})).body).toContain("ctz_build_info");
  });

  it("refuses other Hosts and other Origins on every route, with the token too", async () => {
    const {server} = open();
    const wrong = [
      {...auth, host: "evil.example"},
      {...auth, host: "evil.example:5150"},
      {...auth, host: "127.0.0.1.evil.example"},
      {...auth, origin: "http://evil.example"},
      {...auth, origin: "null"},
      {...auth, origin: "http://127.0.0.1:9999"},
    ];
    for (const headers of wrong) {
      for (const url of ["/healthz", "/metrics", "/api/v1/status"]) {
        const reply = await server.app.inject({url, headers});
        expect(reply.statusCode).toBe(403);
        expect(reply.json().error.code).toBe("FORBIDDEN");
      }
    }
    const own = await server.app.inject({url: "/healthz", headers: {...auth, origin: `http://${auth.host}`}});
    expect(own.statusCode).toBe(200);
  });

  it("names the field that is wrong", async () => {
    const {server} = open();
    const send = async (payload: object): Promise<{field: string; message: string}> => {
      const reply = await server.app.inject({method: "POST", url: "/api/v1/tasks", headers: auth, payload});
      expect(reply.statusCode).toBe(400);
      expect(reply.json().error.code).toBe("REQUEST_INVALID");
      return {field: reply.json().error.evidence.field, message: reply.json().error.message};
    };
    expect((await send({input: ""})).field).toBe("body.taskClass");
    expect((await send({taskClass: "ocr", input: 5})).field).toBe("body.input");
    expect((await send({taskClass: "ocr", input: "", maxPriceUctz: "1.5"})).field).toBe("body.maxPriceUctz");
    expect((await send({taskClass: "ocr", input: "", verify: 3})).field).toBe("body.verify");
    expect((await send({taskClass: "ocr", input: "", wat: 3})).field).toBe("body.wat");
    expect((await send({taskClass: "ocr", input: "a#b="})).field).toBe("body.input");
    expect(harness?.state.created).toEqual([]);
  });

  it("refuses bodies that are no JSON, no object, or poisoned", async () => {
    const {server} = open();
    for (const payload of ["{", "[]", "null", '{"__proto__":{"x":1},"taskClass":"ocr","input":""}', ""]) {
      const reply = await server.app.inject({
        method: "POST",
        url: "/api/v1/tasks",
        headers: {...auth, "content-type": "application/json"},
        payload,
      });
      expect(reply.statusCode, payload).toBe(400);
      expect(reply.json().error.code).toBe("REQUEST_INVALID");
    }
    const form = await server.app.inject({
      method: "POST",
      url: "/api/v1/tasks",
      headers: {...auth, "content-type": "text/plain"},
      payload: "x",
    });
    expect(form.json().error.code).toBe("REQUEST_INVALID");
  });

  it("takes a raw body with its header, and 16 MiB, and not one byte more", async () => {
    const {server, state} = open();
    const task = Buffer.from(JSON.stringify({taskClass: "ocr", maxPriceUctz: "7", verify: 2})).toString(
      "base64url",
    );
    const send = async (bytes: number) =>
      await server.app.inject({
        method: "POST",
        url: "/api/v1/tasks",
        headers: {...auth, "content-type": "application/octet-stream", "ctz-task": task},
        payload: Buffer.alloc(bytes, 7),
      });
    expect((await send(16 * 1024 * 1024)).statusCode).toBe(202);
    expect(state.created[0]).toMatchObject({taskClass: "ocr", maxPriceUctz: 7n, verify: 2, route: "direct"});
    expect(state.created[0]?.input.length).toBe(16 * 1024 * 1024);
    const over = await send(16 * 1024 * 1024 + 1);
    expect(over.statusCode).toBe(413);
    expect(over.json().error.code).toBe("INPUT_TOO_LARGE");
    expect(state.created.length).toBe(1);
  });

  it("limits bodies of other routes to what they need", async () => {
    const {server} = open();
    const payload = {to: "b".repeat(64), amountUctz: "5", memo: "x".repeat(70_000)};
    const reply = await server.app.inject({
      method: "POST",
      url: "/api/v1/wallet/send",
      headers: auth,
      payload,
    });
    expect(reply.statusCode).toBe(413);
    expect(reply.json().error.code).toBe("INPUT_TOO_LARGE");
  });

  it("refuses amounts past u64", async () => {
    const {server} = open();
    const payload = {to: "b".repeat(64), amountUctz: "18446744073709551616"};
    const reply = await server.app.inject({
      method: "POST",
      url: "/api/v1/wallet/send",
      headers: auth,
      payload,
    });
    expect(reply.json().error.code).toBe("AMOUNT_INVALID");
  });

  it("gives a coded failure its status, evidence and Retry-After, and hides what is not ours", async () => {
    const {server, state} = open();
    state.failures.set(
      "wallet.send",
      new CodedError("QUEUE_FULL", {retryAfterMs: 1500, evidence: {lengthMax: 5, amountUctz: 9n}}),
    );
    const send = async () =>
      await server.app.inject({
        method: "POST",
        url: "/api/v1/wallet/send",
        headers: auth,
        payload: BODIES["walletSend"] as object,
      });
    const reply = await send();
    expect(reply.statusCode).toBe(503);
    expect(reply.headers["retry-after"]).toBe("2");
    expect(reply.json().error).toMatchObject({
      code: "QUEUE_FULL",
      retryable: true,
      retryAfterMs: 1500,
      evidence: {lengthMax: 5, amountUctz: "9"},
    });
    state.failures.set("wallet.send", new Error("secret path /home/x"));
    const internal = await send();
    expect(internal.statusCode).toBe(500);
    expect(internal.json().error.code).toBe("INTERNAL");
    expect(internal.body).not.toContain("secret");
  });

  it("answers 404 as a coded failure", async () => {
    const {server} = open();
    const none = await server.app.inject({url: "/nowhere", headers: auth});
    expect([none.statusCode, none.json().error.code]).toEqual([404, "NOT_FOUND"]);
    const task = await server.app.inject({url: `/api/v1/tasks/${"9".repeat(32)}/events`, headers: auth});
    expect([task.statusCode, task.json().error.code]).toEqual([404, "TASK_NOT_FOUND"]);
    const bad = await server.app.inject({url: "/api/v1/tasks/xyz", headers: auth});
    expect([bad.statusCode, bad.json().error.code]).toEqual([400, "REQUEST_INVALID"]);
  });

  it("streams events to the client, and stops the source when the client goes", async () => {
    const {server, state} = open();
    const client = new ApiClient({url: await server.start(), token: TOKEN});
    const types: string[] = [];
    for await (const event of client.taskEvents(TASK_ID)) types.push(event.type);
    expect(types).toEqual(["phase", "progress", "done"]);

    state.isEndless = true;
    const abort = new AbortController();
    const seen: string[] = [];
    await expect(async () => {
      for await (const event of client.taskEvents(TASK_ID, abort.signal)) {
        seen.push(event.type);
        if (event.type === "done") abort.abort(new CodedError("TASK_CANCELLED"));
      }
    }).rejects.toMatchObject({code: "TASK_CANCELLED"});
    expect(seen).toEqual(["phase", "progress", "done"]);
  });

  it("ends open streams and closes idle connections when it stops", async () => {
    const {server, state} = open();
    state.isEndless = true;
    const url = await server.start();
    const client = new ApiClient({url, token: TOKEN});
    const idle = connect(Number(new URL(url).port), "127.0.0.1");
    await new Promise((resolve) => idle.once("connect", resolve));
    const reading = (async () => {
      for await (const event of client.taskEvents(TASK_ID)) if (event.type === "done") void server.stop();
    })();
    await reading.catch(() => undefined);
    await server.stop();
    idle.destroy();
    await expect(client.call("status", {})).rejects.toMatchObject({code: "DAEMON_UNREACHABLE"});
  });

  it("asks for a stop after the answer has left", async () => {
    const {server, shutdowns} = open();
    const client = new ApiClient({url: await server.start(), token: TOKEN});
    expect(await client.call("shutdown", {})).toEqual({v: 1, ok: true});
    await expect.poll(() => shutdowns.length).toBe(1);
  });

  it("runs a task in one request: its output, and what it cost beside it", async () => {
    const {server, state} = open();
    const target = {url: await server.start(), token: TOKEN};
    const client = new ApiClient(target);
    const input = new TextEncoder().encode("hello");
    const {bytes, ...rest} = await client.run({taskClass: "ocr", input});
    expect(bytes).toEqual(state.output.bytes);
    const {chargedUctz, peerId} = state.task;
    expect(rest).toEqual({mediaType: state.output.mediaType, taskId: TASK_ID, chargedUctz, peerId});
    expect(state.created).toMatchObject([{taskClass: "ocr"}]);

    const failure = {code: "NO_PROVIDER", message: "nobody", actor: "network", phase: "route"} as const;
    state.task = {
      ...state.task,
      state: "failed",
      chargedUctz: "0",
      failure: {...failure, retryable: true, hint: "wait", evidence: {heard: 3}},
    };
    await expect(client.run({taskClass: "ocr", input})).rejects.toMatchObject({
      code: "NO_PROVIDER",
      evidence: {heard: 3, taskId: TASK_ID, chargedUctz: "0"},
    });
  });

  it("cancels what a caller hung up on, unless it can be asked for again", async () => {
    for (const key of [undefined, "letter-17"]) {
      const {server, state} = open();
      state.isEndless = true;
      state.task = {...state.task, state: "open"};
      const cancelled = new Promise<void>((resolve) => {
        state.onCancel = resolve;
      });
      const client = new ApiClient({url: await server.start(), token: TOKEN});
      const header = {taskClass: "ocr", ...(key === undefined ? {} : {idempotencyKey: key})};
      const hangUp = new AbortController();
      const call = client.run({...header, input: new Uint8Array(3)}, {signal: hangUp.signal});
      while (state.created.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      hangUp.abort(new Error("gone"));
      await expect(call).rejects.toThrow("gone");
      if (key === undefined) await cancelled;
      await harness?.close();
      expect(state.cancelled).toEqual(key === undefined ? [TASK_ID] : []);
    }
  });

  it("takes another port when a wished one is busy, and refuses when it was stated", async () => {
    const busy = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => busy.once("listening", resolve));
    const port = (busy.address() as {port: number}).port;
    try {
      harness = startHarness({port, isPortExplicit: false});
      const url = await harness.server.start();
      expect(new URL(url).port).not.toBe(String(port));
      expect((await fetch(`${url}/healthz`)).status).toBe(200);
      await harness.close();
      harness = startHarness({port, isPortExplicit: true});
      await expect(harness.server.start()).rejects.toMatchObject({code: "PORT_IN_USE"});
    } finally {
      busy.close();
    }
  });

  it("lists, reads and writes settings before there is a node", async () => {
    const {server} = open(false);
    const put = await server.app.inject({
      method: "PUT",
      url: "/api/v1/config/price.ocr",
      headers: auth,
      payload: {value: "800uctz+2000uctz"},
    });
    expect(put.json()).toMatchObject({
      key: "price.ocr",
      value: "800uctz+2000uctz",
      origin: "file",
      isLive: true,
    });
    const wrong = await server.app.inject({
      method: "PUT",
      url: "/api/v1/config/slost",
      headers: auth,
      payload: {value: "1"},
    });
    expect(wrong.json().error.message).toContain('Did you mean "slots"?');
    const removed = await server.app.inject({
      method: "PUT",
      url: "/api/v1/config/price.ocr",
      headers: auth,
      payload: {value: null},
    });
    expect(removed.json()).toMatchObject({value: "", origin: "default"});
  });
});
