import {mkdtempSync, readFileSync, rmSync, statSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import fc from "fast-check";
import {afterEach, beforeEach, describe, expect, it} from "vitest";
import {readConfigFile} from "../../src/options/configFile.ts";
import {ConfigStore} from "../../src/options/configStore.ts";
import {loadOptions} from "../../src/options/loadOptions.ts";
import {nearest} from "../../src/options/nearest.ts";
import {parseOptions} from "../../src/options/parseOptions.ts";
import {parseDuration, parsePrice} from "../../src/options/parsers.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ctz options "));
});
afterEach(() => rmSync(folder, {recursive: true, force: true}));

const none = {home: "/h", flags: {}, env: {}, file: new Map<string, readonly string[]>()};

describe("parseOptions", () => {
  it("has defaults that stand alone", () => {
    expect(parseOptions(none)).toMatchObject({
      apiHost: "127.0.0.1",
      apiPort: 5150,
      isApiPortExplicit: false,
      p2pPort: 4150,
      join: [],
      genesis: undefined,
      mdns: true,
      archive: false,
      roles: [],
      slots: 0,
      maxPriceDefaultUctz: 100_000n,
      drainTimeoutMs: 30_000,
      chainRpcUrl: undefined,
    });
  });

  it("flag before environment before file before default", () => {
    const file = new Map([
      ["apiPort", ["3"]],
      ["slots", ["3"]],
      ["logLevel", ["warn"]],
    ]);
    const env = {CTZ_API_PORT: "2", CTZ_SLOTS: "2"};
    const options = parseOptions({home: "/h", flags: {apiPort: ["1"]}, env, file});
    expect(options).toMatchObject({
      apiPort: 1,
      isApiPortExplicit: true,
      slots: 2,
      logLevel: "warn",
      isP2pPortExplicit: false,
    });
  });

  it("reads lists and prices from every place", () => {
    const join1 = "/ip4/127.0.0.1/tcp/4150/p2p/12D3KooWabc";
    const env = {
      CTZ_ROLES: "provider, witness,provider",
      CTZ_JOIN: join1,
      CTZ_PRICE: "ocr=800uctz+2000uctz,default=0.001",
    };
    expect(parseOptions({...none, env})).toMatchObject({
      roles: ["provider", "witness"],
      join: [join1],
      prices: {
        ocr: {unitPriceUctz: 800n, feeMinUctz: 2000n},
        default: {unitPriceUctz: 1000n, feeMinUctz: 0n},
      },
    });
    const file = new Map([
      ["price.ocr", ["5uctz"]],
      ["roles", ["provider"]],
    ]);
    expect(parseOptions({...none, file})).toMatchObject({
      prices: {ocr: {unitPriceUctz: 5n}},
      roles: ["provider"],
    });
  });

  it("names the setting and the place of what is wrong", () => {
    const wrong: [object, string][] = [
      [{flags: {apiPort: ["70000"]}}, "--api-port"],
      [{env: {CTZ_MDNS: "perhaps"}}, "CTZ_MDNS"],
      [{flags: {roles: ["king"]}}, "--role"],
      [{flags: {join: ["1.2.3.4"]}}, "--join"],
      [{flags: {price: ["ocr"]}}, "--price"],
      [{flags: {price: ["ocr=cheap"]}}, "--price"],
      [{env: {CTZ_CHAIN_RPC_URL: "localhost:8545"}}, "CTZ_CHAIN_RPC_URL"],
      [{env: {CTZ_DRAIN_TIMEOUT: "30"}}, "CTZ_DRAIN_TIMEOUT"],
      [{file: new Map([["slots", ["-1"]]])}, "config.json"],
    ];
    for (const [change, place] of wrong) {
      try {
        parseOptions({...none, ...change});
        expect.fail(place);
      } catch (error) {
        expect(error).toMatchObject({code: "CONFIG_INVALID", message: expect.stringContaining(place)});
      }
    }
  });

  it("cannot be changed afterwards", () => {
    expect(Object.isFrozen(parseOptions(none))).toBe(true);
  });
});

describe("parsers", () => {
  it("never throw, whatever the text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        parseDuration(text);
        parsePrice(text);
        nearest(text, ["slots", "apiPort"]);
      }),
    );
  });

  it("read durations and prices as written", () => {
    expect([parseDuration("250ms"), parseDuration("5s"), parseDuration("2m"), parseDuration("1h")]).toEqual([
      250, 5000, 120_000, 3_600_000,
    ]);
    expect([parseDuration("5"), parseDuration("-5s"), parseDuration("1.5s")]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect([parsePrice("1+2+3"), parsePrice(""), parsePrice("1+")]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("config.json", () => {
  const file = (): string => join(folder, "config.json");

  it("is optional; unknown keys are errors with a suggestion", async () => {
    expect((await readConfigFile(file())).size).toBe(0);
    for (const [text, message] of [
      ['{"apiProt": 1}', 'Did you mean "apiPort"?'],
      ['{"price.": "1"}', "No setting"],
      ['{"slots": "many"}', "slots"],
      ['{"slots": {}}', "slots"],
      ["[]", "one JSON object"],
      ["{", "not JSON"],
    ] as const) {
      writeFileSync(file(), text);
      await expect(readConfigFile(file())).rejects.toMatchObject({
        code: "CONFIG_INVALID",
        message: expect.stringContaining(message),
      });
      await expect(loadOptions({home: folder, flags: {}, env: {}})).rejects.toMatchObject({
        code: "CONFIG_INVALID",
      });
    }
  });

  it("takes numbers, booleans and lists as JSON has them", async () => {
    writeFileSync(
      file(),
      '{"slots": 2, "mdns": false, "roles": ["provider", "witness"], "price.ocr": "5uctz"}',
    );
    expect(await loadOptions({home: folder, flags: {}, env: {}})).toMatchObject({
      home: folder,
      slots: 2,
      mdns: false,
      roles: ["provider", "witness"],
      prices: {ocr: {unitPriceUctz: 5n}},
    });
  });
});

describe("ConfigStore", () => {
  const store = (env: Record<string, string> = {}): ConfigStore =>
    new ConfigStore({path: join(folder, "config.json"), flags: {}, env});

  it("writes privately, keeps the rest, and says where each value comes from", async () => {
    const config = store({CTZ_LOG_LEVEL: "debug"});
    await config.set("roles", "provider, witness");
    await config.set("price.ocr", "5uctz");
    expect(await config.set("slots", "3")).toMatchObject({value: "3", origin: "file", default: "0"});
    expect(await config.set("logLevel", "warn")).toMatchObject({value: "debug", origin: "env"});
    const path = join(folder, "config.json");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({
      logLevel: "warn",
      "price.ocr": "5uctz",
      roles: ["provider", "witness"],
      slots: "3",
    });
    const entries = await config.list();
    expect(entries.find(({key}) => key === "price.ocr")).toMatchObject({value: "5uctz", origin: "file"});
    expect(await config.set("slots", undefined)).toMatchObject({value: "0", origin: "default"});
  });

  it("refuses what the next start would refuse, and loses no write of many at once", async () => {
    const config = store();
    await expect(config.set("slots", "x")).rejects.toMatchObject({code: "CONFIG_INVALID"});
    await expect(config.set("nope", "x")).rejects.toMatchObject({code: "CONFIG_INVALID"});
    const names = Array.from({length: 20}, (_, index) => `price.m${index}`);
    await Promise.all(names.map((name) => config.set(name, "1uctz")));
    const keys = (await config.list()).map(({key}) => key);
    expect(names.filter((name) => !keys.includes(name))).toEqual([]);
  });

  it("tells who listens about live settings only", async () => {
    const config = store();
    const heard: [string, string | undefined][] = [];
    const off = config.onLiveChange((key, text) => heard.push([key, text]));
    await config.set("price.ocr", "5uctz");
    await config.set("slots", "1");
    await config.set("price.ocr", undefined);
    off();
    await config.set("price.ocr", "6uctz");
    expect(heard).toEqual([
      ["price.ocr", "5uctz"],
      ["price.ocr", undefined],
    ]);
  });
});
