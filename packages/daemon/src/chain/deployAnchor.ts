/** Makes the contracts of a new network from a key, on any EVM chain. */
import {type Deployment, type DeployOptions, deploy} from "@catalyze/contracts/deploy";
import type {Genesis} from "@catalyze/core/ledger/genesis";
import {toHex} from "@catalyze/core/primitives/bytes";
import {createWalletClient, http} from "viem";
import {privateKeyToAccount} from "viem/accounts";
import {chainOf, evmClient, onChain} from "./evmClient.ts";

export type DeployAnchorInput = {
  readonly rpcUrl: string;
  readonly genesis: Genesis;
  /** secp256k1, 32 bytes; its address must hold enough for gas. */
  readonly evmKey: Uint8Array;
  readonly options?: DeployOptions;
};

/** Throws `CHAIN_UNREACHABLE`, or `ANCHOR_REVERTED` when the constructor refuses. */
export async function deployAnchor({
  rpcUrl,
  genesis,
  evmKey,
  options = {},
}: DeployAnchorInput): Promise<Deployment> {
  return await onChain(async () => {
    // The id is asked for once, then fixed: a signed transaction serves on this chain only.
    const chainId = await evmClient([rpcUrl], 1).getChainId();
    const publicClient = evmClient([rpcUrl], chainId);
    const account = privateKeyToAccount(`0x${toHex(evmKey)}`);
    const walletClient = createWalletClient({
      account,
      chain: chainOf([rpcUrl], chainId),
      transport: http(rpcUrl),
    });
    return await deploy({publicClient, walletClient}, genesis, options);
  });
}
