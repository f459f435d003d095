/** From a name and an input to what will be promised: class, manifest, specification, most units. */
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import type {ErrorCode} from "@catalyze/core/errors/table";
import type {AskBook} from "@catalyze/core/market/askBook";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {Net} from "@catalyze/core/ports/net";
import type {Random} from "@catalyze/core/ports/random";
import {toHex} from "@catalyze/core/primitives/bytes";
import {decodeCanonicalJson} from "@catalyze/core/primitives/canonicalJson";
import type {PeerId, TaskClass} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import type {Manifest} from "@catalyze/core/task/manifest";
import {encodeParams} from "@catalyze/core/task/params";
import {buildSpec, type TaskSpec} from "@catalyze/core/task/spec";
import {IDEMPOTENCY_KEY_CHARS_MAX} from "@catalyze/core/task/taskCodec";
import {unitsMax as unitsMaxOf} from "@catalyze/core/task/units";
import type {Catalog} from "./catalog.ts";
import type {Identity} from "./identity.ts";

export type TaskPreparerComponents = {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly identity: Identity;
  readonly catalog: Catalog;
  readonly asks: AskBook;
};

export type Preparation = {
  /** As the user wrote it: alias, class or bundle id. */
  readonly name: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly input: Uint8Array;
  readonly idempotencyKey: string | undefined;
};

/** What a name and an input come to, before anything is promised. */
export type Prepared = {
  readonly spec: TaskSpec;
  readonly manifest: Manifest;
  readonly unitsMax: bigint;
  readonly idempotencyKey: string;
};

const CLASSES_LEARNED_MAX = 64;
const LEARN_MS = 500;
/** Peers that come back bring what they sell. */
const LEARNABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["TASK_CLASS_UNKNOWN", "NO_PEERS"]);

export class TaskPreparer {
  readonly #components: TaskPreparerComponents;

  constructor(components: TaskPreparerComponents) {
    this.#components = components;
  }

  /** Throws `TASK_CLASS_UNKNOWN`, `NO_PEERS`, `INPUT_INVALID`, `INPUT_TOO_LARGE`, `REQUEST_INVALID` or of tensors. */
  async prepare({name, params: given, input, ...rest}: Preparation): Promise<Prepared> {
    const {identity, random} = this.#components;
    const idempotencyKey = rest.idempotencyKey ?? toHex(random.bytes(16));
    if (idempotencyKey.length > IDEMPOTENCY_KEY_CHARS_MAX)
      throw new CodedError("REQUEST_INVALID", {evidence: {field: "idempotencyKey"}});
    const taskClass = await this.#resolve(name);
    const manifest = await this.#manifestOf(taskClass);
    const bytes = encodeParams(manifest.kind, given);
    const unitsMax = unitsMaxOf(manifest, bytes, input);
    const params = decodeCanonicalJson(bytes);
    const spec = buildSpec({taskClass, params, input, payer: identity.account, idempotencyKey});
    return {spec, manifest, unitsMax, idempotencyKey};
  }

  /** After a restart: the class may be known only once peers are back. */
  async prepareAgain(request: Preparation, untilMs: UnixMs, signal: AbortSignal): Promise<Prepared> {
    const {clock} = this.#components;
    for (;;) {
      try {
        return await this.prepare(request);
      } catch (error) {
        if (!LEARNABLE.has(toCodedError(error).code) || clock.now() >= untilMs) throw error;
        await clock.sleep(LEARN_MS, signal);
      }
    }
  }

  /** Asks of unknown classes are looked into before a name counts as unknown. */
  async #resolve(name: string): Promise<TaskClass> {
    const {catalog} = this.#components;
    const known = catalog.resolve(name);
    if (known !== undefined) return known;
    await this.#learn();
    const learned = catalog.resolve(name);
    if (learned === undefined) throw this.#unknown({name: name.slice(0, 80)});
    return learned;
  }

  async #manifestOf(taskClass: TaskClass): Promise<Manifest> {
    const {catalog, asks, clock} = this.#components;
    const sources = asks.live(taskClass, clock.now()).map(({ask}) => ask.peer);
    const manifest = await catalog.manifestOf(taskClass, sources);
    if (manifest === undefined) throw this.#unknown({taskClass});
    return manifest;
  }

  /** Who hears nobody cannot know what is sold. */
  #unknown(evidence: Readonly<Record<string, string>>): CodedError {
    const isAlone = this.#components.net.peers().length === 0;
    return new CodedError(isAlone ? "NO_PEERS" : "TASK_CLASS_UNKNOWN", {evidence});
  }

  /** Manifests behind live asks, so that their aliases are known. */
  async #learn(): Promise<void> {
    const {catalog, asks, clock, log} = this.#components;
    const sources = new Map<TaskClass, PeerId[]>();
    for (const {ask} of asks.all(clock.now()))
      sources.set(ask.taskClass, [...(sources.get(ask.taskClass) ?? []), ask.peer]);
    await Promise.all(
      [...sources]
        .slice(0, CLASSES_LEARNED_MAX)
        .map(([taskClass, peers]) =>
          catalog
            .manifestOf(taskClass, peers)
            .catch((error: unknown) => log.debug("manifest not fetched", {taskClass, error})),
        ),
    );
  }
}
