import {toHex} from "@catalyze/core/primitives/bytes";
import {privateKeyToAddress} from "viem/accounts";

/** 40 lower-case hex digits without prefix, as a genesis has them. */
export function evmAddressOf(secret: Uint8Array): string {
  return privateKeyToAddress(`0x${toHex(secret)}`)
    .slice(2)
    .toLowerCase();
}
