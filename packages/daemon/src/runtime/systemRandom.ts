import {randomBytes} from "node:crypto";
import type {Random} from "@catalyze/core/ports/random";

/** The operating system's randomness. */
export class SystemRandom implements Random {
  bytes(length: number): Uint8Array {
    return new Uint8Array(randomBytes(length));
  }

  float(): number {
    const bytes = randomBytes(7);
    return (bytes.readUIntBE(0, 6) * 32 + (bytes.readUInt8(6) >>> 3)) / 2 ** 53;
  }
}
