/** Puts the token and the anchor contract of a new network on a chain: one transaction makes both. */
import {assert} from "@catalyze/core/errors/assert";
import {type Genesis, genesisHash} from "@catalyze/core/ledger/genesis";
import {genesisCheckpoint} from "@catalyze/core/ledger/genesisState";
import {
  type Account,
  type Chain,
  type Hex,
  type PublicClient,
  type Transport,
  type WalletClient,
  zeroAddress,
} from "viem";
import {catalyzeAnchorAbi, catalyzeAnchorBytecode} from "./abi/catalyzeAnchor.ts";
import {committeeHashOf, membersOf} from "./committeeHash.ts";

export type Deployment = {
  readonly chainId: number;
  readonly token: Hex;
  readonly anchor: Hex;
  readonly deployBlock: bigint;
};

/** What a chain adds to a genesis. The rest of the parameters are the genesis's own. */
export type DeployOptions = {
  /** Overrules objections; without one a pause always ends in EXIT. */
  readonly guardian?: Hex;
  /** Of a member that objects, in wei. */
  readonly objectionBond?: bigint;
  readonly pauseMaxS?: bigint;
  readonly emission?: {readonly start: bigint; readonly ratePerSecond: bigint; readonly max: bigint};
  /** How long to wait for the receipt. */
  readonly receiptMsMax?: number;
};

/** A public chain under load takes minutes. */
const RECEIPT_MS_MAX = 180_000;

const DAY_S = 86_400n;
/** Until the economy issue nothing is emitted. */
const NO_EMISSION = {start: 0n, ratePerSecond: 0n, max: 0n};

export type DeployClients = {
  readonly publicClient: PublicClient;
  readonly walletClient: WalletClient<Transport, Chain, Account>;
  /** On a chain that mines on demand. */
  readonly poke?: () => void;
};

/** Deploys and waits for the receipt. Throws what the chain says. */
export async function deploy(
  {publicClient, walletClient, poke}: DeployClients,
  genesis: Genesis,
  options: DeployOptions = {},
): Promise<Deployment> {
  const hash = await walletClient.deployContract({
    abi: catalyzeAnchorAbi,
    bytecode: catalyzeAnchorBytecode,
    args: constructorArguments(genesis, options),
  });
  poke?.();
  const receipt = await publicClient.waitForTransactionReceipt({
    ...{hash, pollingInterval: 50, timeout: options.receiptMsMax ?? RECEIPT_MS_MAX},
  });
  assert(
    receipt.status === "success" && receipt.contractAddress != null,
    "the anchor contract did not deploy",
  );
  const anchor = receipt.contractAddress;
  const token = await publicClient.readContract({
    address: anchor,
    abi: catalyzeAnchorAbi,
    functionName: "token",
  });
  return {chainId: walletClient.chain.id, token, anchor, deployBlock: receipt.blockNumber};
}

function constructorArguments(genesis: Genesis, options: DeployOptions) {
  const {stateRoot, totals} = genesisCheckpoint(genesis);
  return [
    `0x${genesisHash(genesis)}`,
    `0x${stateRoot}`,
    totals.deposited,
    `0x${committeeHashOf(membersOf(genesis.witnesses))}`,
    {
      challengeWindow: BigInt(genesis.params.challengeWindowS),
      silenceBeforeExit: BigInt(genesis.params.silenceBeforeExitS),
      pauseMax: options.pauseMaxS ?? 14n * DAY_S,
      objectionBond: options.objectionBond ?? 10n ** 17n,
      guardian: options.guardian ?? zeroAddress,
      emission: options.emission ?? NO_EMISSION,
    },
  ] as const;
}
