/** A network of real daemons in a folder of its own: a genesis of our making, and the demo's model bundles. */
import {randomBytes} from "node:crypto";
import {mkdtemp, readFile, rm} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {setTimeout as sleep} from "node:timers/promises";
import {fileURLToPath} from "node:url";
import type {ApiClient} from "@catalyze/api/client/apiClient";
import type {TaskHeader} from "@catalyze/api/schema/task";
import {type Genesis, genesisHash} from "@catalyze/core/ledger/genesis";
import {PARAMS_PRODUCTION} from "@catalyze/core/ledger/params";
import {fromHex} from "@catalyze/core/primitives/bytes";
import {type BundleDraft, readBundleIndex} from "@catalyze/daemon/exec/bundleDraft";
import {ensureHome} from "@catalyze/daemon/home/ensureHome";
import {createSigner} from "@catalyze/daemon/identity/signatures";
import {writeGenesis} from "@catalyze/daemon/node/genesisFile";
import {type HomeKeys, openHomeKeys} from "@catalyze/daemon/node/homeKeys";
import {writeBundle} from "@catalyze/daemon/node/writeBundle";
import {CtzProcess} from "./ctzProcess.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PRICE = ["--price", "default=1000uctz+100uctz"];
const ROYALTY_BPS = 500;

export type Member = {readonly name: string; readonly home: string; readonly keys: HomeKeys};

export async function sample(name: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(join(ROOT, "samples", name)));
}

/** Bundles that `npm run models` made, by alias. */
export async function draftOf(alias: string): Promise<BundleDraft> {
  const drafts = await readBundleIndex(join(ROOT, ".cache/models/index.json"));
  const draft = drafts.find((each) => each.alias === alias);
  if (draft === undefined) throw new Error(`no model ${alias}: run \`npm run models\``);
  return draft;
}

export class BenchNetwork {
  readonly folder: string;
  readonly members: readonly Member[];
  readonly genesis: Genesis;
  readonly #running = new Map<string, CtzProcess>();

  private constructor(folder: string, members: readonly Member[], genesis: Genesis) {
    this.folder = folder;
    this.members = members;
    this.genesis = genesis;
  }

  /** Homes with keys and a common genesis; the first member is the one witness. */
  static async create(names: readonly string[]): Promise<BenchNetwork> {
    const folder = await mkdtemp(join(tmpdir(), "ctz-bench-"));
    const members: Member[] = [];
    for (const name of names) {
      const home = join(folder, name);
      members.push({name, home, keys: await openHomeKeys(await ensureHome(home))});
    }
    const [witness] = members as [Member, ...Member[]];
    const genesis: Genesis = {
      v: 1,
      name: "bench",
      accounts: members.map(({keys}) => ({id: keys.witness.account, balance: 1_000_000_000_000n})),
      witnesses: [witness.keys.witness],
      params: PARAMS_PRODUCTION,
      aliases: {},
    };
    for (const {home} of members) await writeGenesis(join(home, "genesis.json"), genesis);
    return new BenchNetwork(folder, members, genesis);
  }

  member(name: string): Member {
    const found = this.members.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no member ${name}`);
    return found;
  }

  /** Started and ready, joined to those that run already. */
  async start(name: string, flags: readonly string[] = []): Promise<CtzProcess> {
    const joins: string[] = [];
    for (const process of this.#running.values()) {
      const {addresses} = await (await process.client()).call("nodeInfo", {});
      joins.push(...addresses.slice(0, 1).flatMap((address) => ["--join", address]));
    }
    const process = new CtzProcess(this.member(name).home, ["--no-mdns", ...joins, ...flags]);
    this.#running.set(name, process);
    await process.ready();
    return process;
  }

  /** A provider with the bundles of these aliases for sale. */
  async startProvider(name: string, aliases: readonly string[]): Promise<CtzProcess> {
    const process = await this.start(name, ["--role", "provider", ...PRICE]);
    const client = await process.client();
    for (const alias of aliases) {
      const folder = join(this.folder, `bundle-${alias}`);
      await writeBundle({
        draft: await draftOf(alias),
        creator: createSigner(new Uint8Array(randomBytes(32))),
        royaltyBps: ROYALTY_BPS,
        genesisHash: fromHex(genesisHash(this.genesis)),
        folder,
      });
      await client.call("modelAdd", {body: {source: "bundle", path: folder}, timeoutMs: 120_000});
    }
    return process;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running.values()].map((process) => process.stop()));
    await rm(this.folder, {recursive: true, force: true});
  }
}

/** Asks of `count` providers for a class are here. */
export async function asksHeard(client: ApiClient, count: number): Promise<void> {
  for (let at = 0; at < 300; at++) {
    const {asks} = await client.call("asks", {});
    if (new Set(asks.map(({peerId}) => peerId)).size >= count) return;
    await sleep(100);
  }
  throw new Error("no asks were heard");
}

/** What a program does for one result. */
export async function callOnce(
  client: ApiClient,
  header: TaskHeader,
  input: Uint8Array,
): Promise<Uint8Array> {
  return (await client.run({maxPriceUctz: "100000000", ...header, input})).bytes;
}
