/** Resident memory a minute after ready, without peers; executor processes are counted by nobody here. */
import {randomBytes} from "node:crypto";
import {mkdir} from "node:fs/promises";
import {join} from "node:path";
import {setTimeout as sleep} from "node:timers/promises";
import {deployByRpc} from "@catalyze/contracts/deployByRpc";
import type {Log} from "@catalyze/core/ports/log";
import {evmAddressOf} from "@catalyze/daemon/chain/evmAddress";
import {CHAIN_ID_EMBEDDED, EvmNode} from "@catalyze/daemon/chain/evmNode";
import {writeChainFile} from "@catalyze/daemon/node/chainFile";
import {SystemClock} from "@catalyze/daemon/runtime/systemClock";
import {atMost, figure, type Part} from "../bar.ts";
import {BenchNetwork} from "../benchNetwork.ts";

const IDLE_MS = 60_000;
const RSS_MIB_MAX = 150;
const silent: Log = {debug() {}, info() {}, warn() {}, error() {}, child: () => silent};

export const memory: Part = {
  name: "memory",
  what: `RSS of the daemon ${IDLE_MS / 1_000} s after ready, no peers, children apart`,
  async run(report, say) {
    // Networks of their own: nobody finds a peer.
    const networks = {
      plain: await BenchNetwork.create(["plain"]),
      provider: await BenchNetwork.create(["provider"]),
      chain: await BenchNetwork.create(["chain"]),
    };
    const chain = await configureChain(networks.chain).catch((error: unknown) => {
      say(`no EVM node here, so no figure with a chain: ${String(error)}`);
      return undefined;
    });
    try {
      const plain = await networks.plain.start("plain");
      const provider = await networks.provider.startProvider("provider", ["embed"]);
      const witness = chain === undefined ? undefined : await networks.chain.start("chain");
      await sleep(IDLE_MS);
      report(atMost("startup/rss-plain", plain.rssMiB(), RSS_MIB_MAX, "MiB"));
      report(figure("startup/rss-provider", provider.rssMiB(), "MiB"));
      if (witness !== undefined) report(figure("startup/rss-witness-with-chain", witness.rssMiB(), "MiB"));
    } finally {
      await Promise.all(Object.values(networks).map((network) => network.stop()));
      await chain?.stop();
    }
  },
};

async function configureChain(network: BenchNetwork): Promise<EvmNode> {
  const {home, keys} = network.member("chain");
  const folder = join(network.folder, "evm");
  await mkdir(folder, {recursive: true});
  const node = new EvmNode({clock: new SystemClock(), log: silent}, {folder, environment: process.env});
  await node.start();
  const secret = new Uint8Array(randomBytes(32));
  await node.fund(`0x${evmAddressOf(secret)}`);
  await node.fund(`0x${keys.witness.evmAddress}`);
  const {anchor, token, deployBlock} = await deployByRpc(
    {
      rpcUrl: node.url,
      chainId: CHAIN_ID_EMBEDDED,
      privateKey: `0x${Buffer.from(secret).toString("hex")}`,
      poke: () => node.poke(),
    },
    network.genesis,
  );
  await writeChainFile(join(home, "chain.json"), {
    ...{v: 1, rpcUrl: node.url, chainId: CHAIN_ID_EMBEDDED, anchor, token},
    deployBlock: Number(deployBlock),
  });
  return node;
}
