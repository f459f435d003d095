/**
 * The catalog of this node: bundles that the operator sells, at the operator's prices, and manifests that
 * were learned from others. An alias means one class only: the operator's own bundles win, then the
 * genesis, then what every learned manifest with that alias agrees on.
 */
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import type {Genesis} from "@catalyze/core/ledger/genesis";
import {isTaskClass} from "@catalyze/core/market/fields";
import type {Store} from "@catalyze/core/ports/store";
import type {Cid, PeerId, TaskClass} from "@catalyze/core/primitives/id";
import type {Manifest} from "@catalyze/core/task/manifest";
import type {Bundle, BundleStore} from "../exec/bundleStore.ts";
import type {PriceOption} from "../options/daemonOptions.ts";
import type {Catalog, EnsureOptions, SoldClass} from "../pipeline/catalog.ts";

export type BundleCatalogComponents = {readonly bundles: BundleStore; readonly store: Store};

export type BundleCatalogOptions = {
  readonly isProvider: boolean;
  readonly aliases: Genesis["aliases"];
};

const CLASS_PREFIX = "onnx/";
const SOLD_KEY = "sold/";

export class BundleCatalog implements Catalog {
  readonly #components: BundleCatalogComponents;
  readonly #options: BundleCatalogOptions;
  #prices: Readonly<Record<string, PriceOption>>;
  readonly #known = new Map<TaskClass, Bundle>();
  /** Chosen by the operator, with whether all files are here. */
  readonly #sold = new Map<Cid, boolean>();
  readonly #listeners = new Set<() => void>();

  constructor(
    components: BundleCatalogComponents,
    options: BundleCatalogOptions,
    prices: Readonly<Record<string, PriceOption>>,
  ) {
    this.#components = components;
    this.#options = options;
    this.#prices = prices;
  }

  async start(): Promise<void> {
    const {bundles, store} = this.#components;
    for (const bundle of await bundles.list()) this.#known.set(classOf(bundle.cid), bundle);
    for (const [key] of await store.range(SOLD_KEY)) await this.#refresh(key.slice(SOLD_KEY.length) as Cid);
  }

  /** Called when what is sold, or at which price, has changed. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  setPrices(prices: Readonly<Record<string, PriceOption>>): void {
    this.#prices = prices;
    this.#changed();
  }

  /** Puts a bundle of ours up for sale. */
  async sell(bundle: Bundle): Promise<void> {
    this.#known.set(classOf(bundle.cid), bundle);
    await this.#components.store.write([{key: SOLD_KEY + bundle.cid, value: new Uint8Array()}], {sync: true});
    await this.#refresh(bundle.cid);
    this.#changed();
  }

  sold(): readonly SoldClass[] {
    if (!this.#options.isProvider) return [];
    return [...this.#sold].flatMap(([bundle, isLocal]) => {
      const taskClass = classOf(bundle);
      const manifest = this.#known.get(taskClass)?.manifest;
      const price = manifest === undefined ? undefined : this.#priceOf(taskClass, manifest);
      if (manifest === undefined || price === undefined) return [];
      const {unitPriceUctz: unitPrice, feeMinUctz: feeMin} = price;
      return [{taskClass, bundle, manifest, isLocal, price: {unit: manifest.unit, unitPrice, feeMin}}];
    });
  }

  /** Every bundle whose manifest is here. */
  known(): readonly Bundle[] {
    return [...this.#known.values()];
  }

  async manifestOf(taskClass: TaskClass, sources: readonly PeerId[]): Promise<Manifest | undefined> {
    const known = this.#known.get(taskClass);
    if (known !== undefined) return known.manifest;
    const cid = bundleOf(taskClass);
    if (cid === undefined) return undefined;
    try {
      const bundle = await this.#components.bundles.fetchManifest(cid, {sources});
      this.#known.set(taskClass, bundle);
      return bundle.manifest;
    } catch (error) {
      const {code} = toCodedError(error);
      if (code === "BLOB_NOT_FOUND") return undefined;
      throw error;
    }
  }

  async ensureLocal(taskClass: TaskClass, {sources, onProgress, signal}: EnsureOptions): Promise<Cid> {
    const cid = bundleOf(taskClass);
    if (cid === undefined) throw new CodedError("CLASS_NOT_SOLD", {evidence: {taskClass}});
    if (this.#sold.get(cid) === true) return cid;
    try {
      const bundle = await this.#components.bundles.fetch(cid, {
        sources,
        ...(signal === undefined ? {} : {signal}),
        ...(onProgress && {onProgress: ({bytesDone, bytesTotal}) => onProgress(bytesDone, bytesTotal ?? 0)}),
      });
      this.#known.set(taskClass, bundle);
    } catch (error) {
      const coded = toCodedError(error);
      if (coded.code === "STORE_FULL" || coded.code === "TASK_CANCELLED") throw coded;
      throw new CodedError("MODEL_FETCH_FAILED", {cause: error, evidence: {reason: coded.code}});
    }
    if (this.#sold.has(cid)) this.#sold.set(cid, true);
    this.#changed();
    return cid;
  }

  resolve(name: string): TaskClass | undefined {
    if (isTaskClass(name)) return name;
    const own = [...this.#sold.keys()]
      .map((cid) => classOf(cid))
      .filter((taskClass) => this.aliasOf(taskClass) === name);
    if (own.length === 1) return own[0];
    const fixed = this.#options.aliases[name];
    if (fixed !== undefined) return classOf(fixed);
    const learned = [...this.#known.keys()].filter((taskClass) => this.aliasOf(taskClass) === name);
    // Two classes that claim one name: neither is meant, the user must say which.
    if (learned.length === 1) return learned[0];
    const byId = classOf(name as Cid);
    return this.#known.has(byId) ? byId : undefined;
  }

  aliasOf(taskClass: TaskClass): string | undefined {
    return this.#known.get(taskClass)?.manifest.alias;
  }

  bytesOf(taskClass: TaskClass): number {
    return this.#known.get(taskClass)?.manifest.files.reduce((sum, {bytes}) => sum + bytes, 0) ?? 0;
  }

  #priceOf(taskClass: TaskClass, {alias}: Manifest): PriceOption | undefined {
    return (
      this.#prices[taskClass] ??
      (alias === undefined ? undefined : this.#prices[alias]) ??
      this.#prices["default"]
    );
  }

  async #refresh(cid: Cid): Promise<void> {
    if (!this.#known.has(classOf(cid))) return;
    this.#sold.set(cid, (await this.#components.bundles.missing(cid)).length === 0);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

export function classOf(bundle: Cid): TaskClass {
  return `${CLASS_PREFIX}${bundle}` as TaskClass;
}

export function bundleOf(taskClass: TaskClass): Cid | undefined {
  return taskClass.startsWith(CLASS_PREFIX) ? (taskClass.slice(CLASS_PREFIX.length) as Cid) : undefined;
}
