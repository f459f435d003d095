/** Sets the stage: homes with keys, a chain, a genesis that lists them, the contracts, bundles signed by the creator. */
import {randomBytes} from "node:crypto";
import {mkdir, rm, writeFile} from "node:fs/promises";
import {join} from "node:path";
import {deployByRpc} from "@catalyze/contracts/deployByRpc";
import {type Genesis, genesisHash} from "@catalyze/core/ledger/genesis";
import {PARAMS_DEMO} from "@catalyze/core/ledger/params";
import {UCTZ_PER_CTZ} from "@catalyze/core/primitives/amount";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {AccountId, Cid} from "@catalyze/core/primitives/id";
import {evmAddressOf} from "@catalyze/daemon/chain/evmAddress";
import {CHAIN_ID_EMBEDDED, EvmNode, type EvmNodeExit} from "@catalyze/daemon/chain/evmNode";
import {readBundleIndex} from "@catalyze/daemon/exec/bundleDraft";
import {ensureHome} from "@catalyze/daemon/home/ensureHome";
import {createSigner} from "@catalyze/daemon/identity/signatures";
import {writeChainFile} from "@catalyze/daemon/node/chainFile";
import {writeGenesis} from "@catalyze/daemon/node/genesisFile";
import {type HomeKeys, openHomeKeys} from "@catalyze/daemon/node/homeKeys";
import {writeBundle} from "@catalyze/daemon/node/writeBundle";
import {PinoLog} from "@catalyze/daemon/observe/pinoLog";
import {SystemClock} from "@catalyze/daemon/runtime/systemClock";
import {CAST, CREATOR, ROYALTY_BPS, type Role} from "./cast.ts";

export type Player = {readonly role: Role; readonly home: string; readonly keys: HomeKeys};

export type Stage = {
  readonly folder: string;
  readonly players: readonly Player[];
  readonly creator: AccountId;
  readonly genesis: Genesis;
  readonly bundles: ReadonlyMap<string, {readonly cid: Cid; readonly folder: string}>;
  readonly chain: {readonly node: EvmNode; readonly contract: string; readonly token: string};
};

export type StageInput = {
  readonly folder: string;
  /** What `npm run models` has made. */
  readonly modelsIndex: string;
  readonly say: (line: string) => void;
  /** Called with the chain as soon as it runs, so that a failure later still stops it. */
  readonly onChain: (node: EvmNode) => void;
  readonly onChainEnded: (exit: EvmNodeExit) => void;
};

/** It mines at once: a contract that takes longer will never be there. */
const DEPLOY_MS = 8_000;

export async function setStage({
  folder,
  modelsIndex,
  say,
  onChain,
  onChainEnded,
}: StageInput): Promise<Stage> {
  const players = await Promise.all(CAST.map((role) => makePlayer(folder, role)));
  const creator = createSigner(new Uint8Array(randomBytes(32)));
  const {accountIdOf} = await import("@catalyze/core/crypto/accountId");
  const creatorAccount = accountIdOf(creator.publicKey);
  const genesis = genesisOf(players, creatorAccount);
  const hash = genesisHash(genesis);
  say(
    `genesis ${hash.slice(0, 8)}: ${players.length} accounts, ${genesis.witnesses.length} witnesses, ${CREATOR} owns the models and has no daemon`,
  );

  const node = await startChain(folder, onChainEnded);
  onChain(node);
  const chain = await deployContracts(node, genesis, players);
  say(`chain: anvil at ${node.url}, anchor contract ${chain.anchor}`);
  for (const {home} of players) {
    await writeGenesis(join(home, "genesis.json"), genesis);
    await writeChainFile(join(home, "chain.json"), {
      ...chain,
      v: 1,
      chainId: CHAIN_ID_EMBEDDED,
      rpcUrl: node.url,
    });
  }

  const bundles = new Map<string, {cid: Cid; folder: string}>();
  for (const draft of await readBundleIndex(modelsIndex)) {
    const into = join(folder, "bundles", draft.alias ?? draft.kind);
    const cid = await writeBundle({
      draft,
      creator,
      royaltyBps: ROYALTY_BPS,
      genesisHash: fromHex(hash),
      folder: into,
    });
    bundles.set(draft.alias ?? draft.kind, {cid, folder: into});
  }
  say(`models signed by ${CREATOR}: ${[...bundles.keys()].join(", ")}`);
  return {
    folder,
    players,
    creator: creatorAccount,
    genesis,
    bundles,
    chain: {node, contract: chain.anchor, token: chain.token},
  };
}

export function chainFolder(folder: string): string {
  return join(folder, "chain");
}

export function chainLog(folder: string): string {
  return join(folder, "chain.log");
}

/** Starts from nothing: what an earlier demo left is not what this one shows. */
export async function clearStage(folder: string): Promise<void> {
  await rm(folder, {recursive: true, force: true});
  await mkdir(folder, {recursive: true, mode: 0o700});
  await writeFile(join(folder, "README"), "Made by `ctz demo`; safe to delete when no demo runs.\n");
}

async function makePlayer(folder: string, role: Role): Promise<Player> {
  const home = join(folder, role.name);
  return {role, home, keys: await openHomeKeys(await ensureHome(home))};
}

function genesisOf(players: readonly Player[], creator: AccountId): Genesis {
  return {
    v: 1,
    name: "demo",
    accounts: [
      ...players.map(({role, keys}) => ({
        id: keys.witness.account,
        balance: role.balance * UCTZ_PER_CTZ,
        note: role.name,
      })),
      {id: creator, balance: 0n, note: CREATOR},
    ],
    witnesses: players.filter(({role}) => role.isWitness).map(({keys}) => keys.witness),
    params: PARAMS_DEMO,
    aliases: {},
  };
}

async function startChain(folder: string, onEnded: StageInput["onChainEnded"]): Promise<EvmNode> {
  const clock = new SystemClock();
  const log = PinoLog.open({
    level: "warn",
    format: "json",
    file: chainLog(folder),
    stderr: undefined,
    hasColour: false,
  });
  const node = new EvmNode({clock, log}, {folder: chainFolder(folder), environment: process.env, onEnded});
  await node.start();
  return node;
}

async function deployContracts(node: EvmNode, genesis: Genesis, players: readonly Player[]) {
  const secret = new Uint8Array(randomBytes(32));
  await node.fund(`0x${evmAddressOf(secret)}`);
  for (const {keys} of players) await node.fund(`0x${keys.witness.evmAddress}`);
  const privateKey = `0x${Buffer.from(secret).toString("hex")}` as const;
  const {anchor, token, deployBlock} = await deployByRpc(
    {rpcUrl: node.url, chainId: CHAIN_ID_EMBEDDED, privateKey, poke: () => node.poke()},
    genesis,
    {receiptMsMax: DEPLOY_MS},
  );
  return {anchor, token, deployBlock: Number(deployBlock)};
}
