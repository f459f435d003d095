/** viem's clients for one chain, and what their errors mean in our table. */
import {catalyzeAnchorAbi} from "@catalyze/contracts/abi/catalyzeAnchor";
import {CodedError} from "@catalyze/core/errors/codedError";
import {
  BaseError,
  type Chain,
  ContractFunctionRevertedError,
  createPublicClient,
  decodeErrorResult,
  defineChain,
  ExecutionRevertedError,
  fallback,
  type Hex,
  http,
  type PublicClient,
} from "viem";

const TIMEOUT_MS = 10_000;

/** Any chain: nothing of ours depends on a list of known ones. */
export function chainOf(rpcUrls: readonly string[], chainId: number): Chain {
  return defineChain({
    id: chainId,
    name: `evm-${chainId}`,
    nativeCurrency: {name: "Ether", symbol: "ETH", decimals: 18},
    rpcUrls: {default: {http: rpcUrls}},
  });
}

/** Several URLs are tried in order. */
export function evmClient(rpcUrls: readonly string[], chainId: number): PublicClient {
  const transports = rpcUrls.map((url) => http(url, {timeout: TIMEOUT_MS, retryCount: 1}));
  const transport = fallback(transports, {rank: false});
  // A cache would show blocks of before a reorganisation.
  return createPublicClient({chain: chainOf(rpcUrls, chainId), transport, cacheTime: 0});
}

/** `ANCHOR_REVERTED` with the contract's reason, else `CHAIN_UNREACHABLE`. */
export function chainError(thrown: unknown): CodedError {
  if (thrown instanceof CodedError) return thrown;
  const base = thrown instanceof BaseError ? thrown : undefined;
  const reason = base === undefined ? undefined : revertReason(base);
  if (reason !== undefined) return new CodedError("ANCHOR_REVERTED", {cause: thrown, evidence: {reason}});
  const detail = base?.shortMessage ?? (thrown instanceof Error ? thrown.message : "");
  return new CodedError("CHAIN_UNREACHABLE", {cause: thrown, evidence: {detail: detail.slice(0, 200)}});
}

/** Name of the contract's error; `unknown` for a bare revert, `undefined` when nothing reverted. */
function revertReason(error: BaseError): string | undefined {
  const decoded = error.walk((each) => each instanceof ContractFunctionRevertedError);
  if (decoded instanceof ContractFunctionRevertedError) {
    return decoded.data?.errorName ?? decoded.reason ?? "unknown";
  }
  const reverted = error.walk((each) => each instanceof ExecutionRevertedError);
  if (!(reverted instanceof ExecutionRevertedError)) return undefined;
  const raw = error.walk((each) => typeof (each as {data?: unknown}).data === "string");
  const data = (raw as {data?: unknown} | null)?.data;
  if (typeof data !== "string" || !/^0x(?:[0-9a-f]{2}){4,}$/i.test(data)) return "unknown";
  try {
    return decodeErrorResult({abi: catalyzeAnchorAbi, data: data as Hex}).errorName;
  } catch {
    // An error of another contract.
    return "unknown";
  }
}

/** Runs a chain call; whatever it throws gets a code. */
export async function onChain<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    throw chainError(error);
  }
}
