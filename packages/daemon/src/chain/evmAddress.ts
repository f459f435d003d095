/** Without viem, whose key library costs every daemon start, also those without a chain. */
import {createECDH} from "node:crypto";
import {keccak256} from "@catalyze/core/crypto/keccak256";
import {toHex} from "@catalyze/core/primitives/bytes";

/** 40 lower-case hex digits without prefix, as a genesis has them. Throws on an illegal secret. */
export function evmAddressOf(secret: Uint8Array): string {
  const curve = createECDH("secp256k1");
  curve.setPrivateKey(secret);
  // 0x04 ‖ x ‖ y; the address is the end of the hash of the point.
  const point = new Uint8Array(curve.getPublicKey().subarray(1));
  return toHex(keccak256(point).subarray(12));
}
