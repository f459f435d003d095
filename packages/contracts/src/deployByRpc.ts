/** Deploys a network's contracts over an RPC endpoint with one key: for devnets, demos and scripts. */
import type {Genesis} from "@catalyze/core/ledger/genesis";
import {createPublicClient, createWalletClient, defineChain, type Hex, http} from "viem";
import {privateKeyToAccount} from "viem/accounts";
import {type Deployment, type DeployOptions, deploy} from "./deploy.ts";

export type DeployByRpc = {
  readonly rpcUrl: string;
  readonly chainId: number;
  /** 32 bytes as 0x… hex; its account pays the gas. */
  readonly privateKey: Hex;
  /** On a chain that mines on demand. */
  readonly poke?: () => void;
};

/** Throws what the chain says. */
export async function deployByRpc(
  target: DeployByRpc,
  genesis: Genesis,
  options: DeployOptions = {},
): Promise<Deployment> {
  const {rpcUrl, chainId, privateKey, poke} = target;
  const chain = defineChain({
    id: chainId,
    name: "settlement",
    nativeCurrency: {name: "Ether", symbol: "ETH", decimals: 18},
    rpcUrls: {default: {http: [rpcUrl]}},
  });
  const transport = http(rpcUrl);
  const publicClient = createPublicClient({chain, transport});
  const walletClient = createWalletClient({chain, transport, account: privateKeyToAccount(privateKey)});
  return await deploy({publicClient, walletClient, ...(poke === undefined ? {} : {poke})}, genesis, options);
}
