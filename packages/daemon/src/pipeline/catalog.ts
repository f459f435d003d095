/** What this node sells, and what it knows of classes that others sell. */
import type {Price} from "@catalyze/core/market/price";
import type {Cid, PeerId, TaskClass} from "@catalyze/core/primitives/id";
import type {Manifest} from "@catalyze/core/task/manifest";

export type SoldClass = {
  readonly taskClass: TaskClass;
  readonly bundle: Cid;
  readonly manifest: Manifest;
  readonly price: Price;
  /** All of its files are here. */
  readonly isLocal: boolean;
};

/** Classes of this node: those that it sells, and manifests of any class by content id. */
export interface Catalog {
  /** Empty without the provider role. */
  sold(): readonly SoldClass[];
  /** The signed manifest of a class: from disk, else from one of the peers. `undefined` when nobody has it. */
  manifestOf(taskClass: TaskClass, sources: readonly PeerId[]): Promise<Manifest | undefined>;
  /** Brings the bundle's files here and opens it for the executor. Throws `MODEL_FETCH_FAILED`, `STORE_FULL`. */
  ensureLocal(taskClass: TaskClass, options: EnsureOptions): Promise<Cid>;
  /** Class of an alias, class text or bundle id as a user writes it; `undefined` when unknown here. */
  resolve(name: string): TaskClass | undefined;
  aliasOf(taskClass: TaskClass): string | undefined;
  /** Bytes of the class's files; 0 while its manifest is unknown here. */
  bytesOf(taskClass: TaskClass): number;
}

export type EnsureOptions = {
  readonly sources: readonly PeerId[];
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
  readonly signal?: AbortSignal;
};
