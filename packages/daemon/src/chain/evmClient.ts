/** viem's clients for one chain, and what their errors mean in our table. */
import {CodedError} from "@catalyze/core/errors/codedError";
import {
  BaseError,
  ContractFunctionRevertedError,
  createPublicClient,
  defineChain,
  ExecutionRevertedError,
  fallback,
  http,
  type PublicClient,
} from "viem";

const TIMEOUT_MS = 10_000;

/** Several URLs are tried in order. */
export function evmClient(rpcUrls: readonly string[], chainId: number): PublicClient {
  const chain = defineChain({
    id: chainId,
    name: `evm-${chainId}`,
    nativeCurrency: {name: "Ether", symbol: "ETH", decimals: 18},
    rpcUrls: {default: {http: rpcUrls}},
  });
  const transports = rpcUrls.map((url) => http(url, {timeout: TIMEOUT_MS, retryCount: 1}));
  // A cache would show blocks of before a reorganisation.
  return createPublicClient({chain, transport: fallback(transports, {rank: false}), cacheTime: 0});
}

/** `ANCHOR_REVERTED` with the contract's reason, else `CHAIN_UNREACHABLE`. */
export function chainError(thrown: unknown): CodedError {
  if (thrown instanceof CodedError) return thrown;
  const base = thrown instanceof BaseError ? thrown : undefined;
  const reverted = base?.walk((error) => error instanceof ContractFunctionRevertedError);
  if (reverted instanceof ContractFunctionRevertedError) {
    const reason = reverted.data?.errorName ?? reverted.reason ?? "unknown";
    return new CodedError("ANCHOR_REVERTED", {cause: thrown, evidence: {reason}});
  }
  if (base?.walk((error) => error instanceof ExecutionRevertedError) instanceof ExecutionRevertedError) {
    return new CodedError("ANCHOR_REVERTED", {cause: thrown, evidence: {reason: "unknown"}});
  }
  const detail = base?.shortMessage ?? (thrown instanceof Error ? thrown.message : "");
  return new CodedError("CHAIN_UNREACHABLE", {cause: thrown, evidence: {detail: detail.slice(0, 200)}});
}

/** Runs a chain call; whatever it throws gets a code. */
export async function onChain<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    throw chainError(error);
  }
}
