/** What simulated nodes sell and know. Manifests are known to all; files travel in no time, or fail. */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {Price} from "@catalyze/core/market/price";
import type {AccountId, Cid, PeerId, TaskClass} from "@catalyze/core/primitives/id";
import type {Manifest} from "@catalyze/core/task/manifest";
import type {Catalog, EnsureOptions, SoldClass} from "@catalyze/daemon/pipeline/catalog";

export type SimClass = {
  readonly alias: string;
  readonly taskClass: TaskClass;
  readonly bundle: Cid;
  readonly manifest: Manifest;
};

export function simClass(alias: string, creator?: AccountId): SimClass {
  const bundle = `bafysim${alias}` as Cid;
  return {
    alias,
    bundle,
    taskClass: `onnx/${bundle}` as TaskClass,
    manifest: {
      v: 1,
      kind: "text",
      title: `simulated ${alias}`,
      alias,
      pipeline: 1,
      files: [],
      unit: "token",
      meter: {models: {}},
      inputBytesMax: 4 << 20,
      outputBytesMax: 1 << 20,
      licence: "CC0-1.0",
      ...(creator === undefined ? {} : {creator: {account: creator, royaltyBps: 500}}),
    },
  };
}

export class SimCatalog implements Catalog {
  readonly #known: readonly SimClass[];
  readonly #prices: Readonly<Record<string, Omit<Price, "unit">>>;
  /** Classes whose files cannot be had. */
  readonly missing = new Set<TaskClass>();

  constructor(known: readonly SimClass[], prices: Readonly<Record<string, Omit<Price, "unit">>>) {
    this.#known = known;
    this.#prices = prices;
  }

  sold(): readonly SoldClass[] {
    return this.#known.flatMap(({alias, taskClass, bundle, manifest}) => {
      const price = this.#prices[alias];
      const isLocal = !this.missing.has(taskClass);
      return price === undefined
        ? []
        : [{taskClass, bundle, manifest, price: {unit: manifest.unit, ...price}, isLocal}];
    });
  }

  async manifestOf(taskClass: TaskClass, _sources: readonly PeerId[]): Promise<Manifest | undefined> {
    return this.#known.find((each) => each.taskClass === taskClass)?.manifest;
  }

  async ensureLocal(taskClass: TaskClass, _options: EnsureOptions): Promise<Cid> {
    const known = this.#known.find((each) => each.taskClass === taskClass);
    if (known === undefined || this.missing.has(taskClass)) throw new CodedError("MODEL_FETCH_FAILED");
    return known.bundle;
  }

  resolve(name: string): TaskClass | undefined {
    return this.#known.find(({alias, taskClass}) => alias === name || taskClass === name)?.taskClass;
  }

  aliasOf(taskClass: TaskClass): string | undefined {
    return this.#known.find((each) => each.taskClass === taskClass)?.alias;
  }

  bytesOf(): number {
    return 1_000;
  }
}
