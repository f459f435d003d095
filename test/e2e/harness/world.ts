/**
 * A network of real daemons in one folder with a space in its name: homes with keys first, then a genesis
 * that lists them, then processes on fixed ports, so that whoever restarts is found again.
 */
import {createHash} from "node:crypto";
import {mkdtemp, rm} from "node:fs/promises";
import {createServer} from "node:net";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {type Genesis, genesisHash} from "@catalyze/core/ledger/genesis";
import {type LedgerParams, PARAMS_DEMO} from "@catalyze/core/ledger/params";
import {UCTZ_PER_CTZ} from "@catalyze/core/primitives/amount";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {AccountId, Cid} from "@catalyze/core/primitives/id";
import {readBundleIndex} from "@catalyze/daemon/exec/bundleDraft";
import {ensureHome} from "@catalyze/daemon/home/ensureHome";
import {createSigner} from "@catalyze/daemon/identity/signatures";
import {writeGenesis} from "@catalyze/daemon/node/genesisFile";
import {type HomeKeys, openHomeKeys} from "@catalyze/daemon/node/homeKeys";
import {writeBundle} from "@catalyze/daemon/node/writeBundle";
import {prepareModels} from "../../../scripts/models/prepareModels.mjs";
import {Daemon} from "./daemon.ts";

export type Role = {
  readonly name: string;
  readonly flags?: readonly string[];
  readonly isWitness?: boolean;
  /** Genesis balance, CTZ. */
  readonly balance?: bigint;
  /** Somewhere else than in the world's folder. */
  readonly home?: string;
};

export type Member = {
  readonly name: string;
  readonly daemon: Daemon;
  readonly keys: HomeKeys;
  readonly address: string;
  readonly peerId: string;
  readonly account: AccountId;
};

export type Bundle = {readonly cid: Cid; readonly folder: string};

export const PRICES = ["ocr=200uctz+500uctz", "embed=20000uctz+400uctz", "vad=5000uctz+300uctz"].concat(
  "text=2000uctz+200uctz",
);

/** Flags of a provider whose prices are `factor` times the list. */
export function sells(factor = 1): readonly string[] {
  const at = (price: string) =>
    price.replace(/\d+(?=uctz)/g, (digits) => String(Math.round(Number(digits) * factor)));
  return ["--role", "provider", ...PRICES.flatMap((price) => ["--price", at(price)])];
}

export class World {
  readonly folder: string;
  readonly genesis: Genesis;
  readonly #members = new Map<string, Member>();
  readonly #extra: Daemon[] = [];

  private constructor(folder: string, genesis: Genesis, members: readonly Member[]) {
    this.folder = folder;
    this.genesis = genesis;
    for (const member of members) this.#members.set(member.name, member);
  }

  static async create(roles: readonly Role[], params: Partial<LedgerParams> = {}): Promise<World> {
    const folder = await makeFolder();
    const members = await Promise.all(roles.map((role) => makeMember(folder, role)));
    const genesis = {...genesisOf(roles, members), params: {...PARAMS_DEMO, ...params}};
    const world = new World(folder, genesis, members);
    for (const {daemon} of members) await writeGenesis(daemon.layout.genesis, genesis);
    return world;
  }

  get hash(): string {
    return genesisHash(this.genesis);
  }

  /** The network id: part of every protocol and topic. */
  get tag(): string {
    return this.hash.slice(0, 8);
  }

  member(name: string): Member {
    const member = this.#members.get(name);
    if (member === undefined) throw new Error(`nobody is called ${name}`);
    return member;
  }

  daemon(name: string): Daemon {
    return this.member(name).daemon;
  }

  get members(): readonly Member[] {
    return [...this.#members.values()];
  }

  /** Starts them all at once, each joining the others, and waits until all are ready. */
  async up(names = this.members.map(({name}) => name)): Promise<void> {
    for (const name of names) this.spawn(name);
    await Promise.all(names.map((name) => this.daemon(name).ready()));
  }

  spawn(name: string, flags: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Daemon {
    const others = this.members.filter((member) => member.name !== name);
    const joins = others.flatMap(({address}) => ["--join", address]);
    return this.daemon(name).spawn([...joins, ...flags], env);
  }

  /** A daemon that the genesis does not know; the world only cleans it up. */
  stranger(name: string, flags: readonly string[] = []): Daemon {
    const daemon = new Daemon({home: join(this.folder, name), flags});
    this.#extra.push(daemon);
    return daemon;
  }

  /** Demo bundles signed by a creator of this network, as folders. */
  async bundles(aliases: readonly string[]): Promise<ReadonlyMap<string, Bundle>> {
    const creator = createSigner(new Uint8Array(createHash("sha256").update("creator").digest()));
    const bundles = new Map<string, Bundle>();
    for (const draft of await readBundleIndex(await prepareModels())) {
      const alias = draft.alias ?? draft.kind;
      if (!aliases.includes(alias)) continue;
      const folder = join(this.folder, "bundles", alias);
      const cid = await writeBundle({
        ...{draft, creator, folder},
        royaltyBps: 500,
        genesisHash: fromHex(this.hash),
      });
      bundles.set(alias, {cid, folder});
    }
    return bundles;
  }

  async close(): Promise<void> {
    const daemons = [...this.members.map(({daemon}) => daemon), ...this.#extra];
    await Promise.all(daemons.filter(({isRunning}) => isRunning).map((daemon) => daemon.kill()));
    await rm(this.folder, {recursive: true, force: true, maxRetries: 5});
  }
}

/** With a space: paths reach shells, URLs and arguments. */
export async function makeFolder(): Promise<string> {
  return await mkdtemp(join(tmpdir(), "ctz e2e "));
}

export const CREATOR: AccountId = accountIdOf(
  createSigner(new Uint8Array(createHash("sha256").update("creator").digest())).publicKey,
);

async function makeMember(
  folder: string,
  {name, flags = [], home = join(folder, name)}: Role,
): Promise<Member> {
  const keys = await openHomeKeys(await ensureHome(home), {});
  const port = await freePort();
  const {peerId, account} = keys.witness;
  return {
    ...{name, keys, peerId, account},
    daemon: new Daemon({home, flags: ["--p2p-port", String(port), ...flags]}),
    address: `/ip4/127.0.0.1/tcp/${port}/p2p/${peerId}`,
  };
}

function genesisOf(roles: readonly Role[], members: readonly Member[]): Genesis {
  return {
    v: 1,
    name: "e2e",
    accounts: [
      ...members.map(({account, name}, index) => ({
        id: account,
        balance: (roles[index]?.balance ?? 100n) * UCTZ_PER_CTZ,
        note: name,
      })),
      {id: CREATOR, balance: 0n, note: "creator"},
    ],
    witnesses: members.filter((_, index) => roles[index]?.isWitness !== false).map(({keys}) => keys.witness),
    params: PARAMS_DEMO,
    aliases: {},
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
