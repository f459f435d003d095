/** Blocks in a map; outlives a simulated crash. Structurally the blob adapter's storage. */
import {CodedError} from "@catalyze/core/errors/codedError";

type Id = {toString(): string};

export class MemoryBlocks {
  readonly blocks = new Map<string, Uint8Array>();
  /** While true every write fails with `STORE_FULL`. */
  isFull = false;

  has(cid: Id): boolean {
    return this.blocks.has(cid.toString());
  }

  *get(cid: Id): Generator<Uint8Array> {
    const bytes = this.blocks.get(cid.toString());
    if (bytes === undefined) throw new Error("not found");
    yield bytes.slice();
  }

  put(cid: Id, bytes: Uint8Array): void {
    if (this.isFull) throw new CodedError("STORE_FULL");
    this.blocks.set(cid.toString(), bytes.slice());
  }

  delete(cid: Id): void {
    this.blocks.delete(cid.toString());
  }

  /** Flips one bit of a block, as a dying disk does. */
  damage(cid: Id): void {
    const bytes = this.blocks.get(cid.toString());
    if (bytes === undefined || bytes.length === 0) throw new Error("nothing to damage");
    bytes[0] = (bytes[0] ?? 0) ^ 1;
  }
}
