/**
 * What a store keeps so that a restart goes on in the middle of an epoch, against what the logs lead to: the votes
 * that the last cut carries over, with the entries that hold them, and the places that the epoch's cuts cover.
 * Two nodes write the same of it, each in an order of its own.
 */
import {toHex} from "../primitives/bytes.ts";
import type {Book} from "./book.ts";
import {voteEpochOf} from "./checkpoint.ts";
import type {Cut} from "./cut.ts";
import {type Difference, type DivergentItem, firstDifference, undecodable} from "./divergence.ts";
import {type Covered, decodePlaces} from "./storedPlaces.ts";
import {type CarriedEntry, decodeCarried} from "./storeKeys.ts";

/** The record of one cut, as texts. */
type Told = {readonly places: readonly string[]; readonly loads: readonly string[]};

type Place = Pick<CarriedEntry, "witness" | "n" | "hash">;

export class RestartComparison {
  /** By height, while the epoch lasts. */
  readonly #places = new Map<bigint, Told>();
  #isAsked = false;

  /** This cut was adopted. */
  adopted({checkpoint: {height, isLastOfEpoch}}: Cut, covered: Covered): void {
    if (isLastOfEpoch) this.#places.clear();
    else this.#places.set(height, told(covered));
  }

  /** The record is there in every store; empty where nothing was ever carried. */
  carried(book: Book, bytes: Uint8Array): Difference | undefined {
    this.#isAsked = true;
    const {carried} = book.cutContext();
    const ops = [...carried.candidates()].flatMap(({copies}) =>
      copies.map(({op, mask}) => `${mask} ${toHex(op.bytes)}`),
    );
    const open = [...book.dag.nodes()].filter(
      ({isCovered, isSettled, entry}) => isCovered && !isSettled && entry.carry.length > 0,
    );
    const isOfEpoch = ({hash}: Place) => {
      const header = book.dag.node(hash)?.entry.header;
      // Votes of an entry of a closed epoch are void: who saw it before the closing does not keep it.
      return header === undefined || voteEpochOf(header, book.params) === book.epoch;
    };
    const expected = placed(open.map(({entry}) => ({...entry.header, hash: entry.hash})).filter(isOfEpoch));
    if (bytes.length === 0 && ops.length === 0 && expected.length === 0) return undefined;
    try {
      const stored = decodeCarried(bytes);
      const found = stored.ops.map(({op, mask}) => `${mask} ${toHex(op.bytes)}`);
      const astray = stored.entries.find(({witness, isMain}) => !isMain && !book.dag.isForked(witness));
      return (
        firstDifference(ops.sort(), found.sort(), "ops") ??
        firstDifference(expected, placed(stored.entries.filter(isOfEpoch)), "entries") ??
        (astray && {field: "isMain", expected: "the only branch of its log", found: "another branch"})
      );
    } catch (error) {
      return undecodable(error);
    }
  }

  places(height: bigint, bytes: Uint8Array): Difference | undefined {
    const expected = this.#places.get(height);
    if (expected === undefined) return {field: "places", expected: "none at this height", found: "some"};
    this.#places.delete(height);
    try {
      const found = told(decodePlaces(bytes));
      return (
        firstDifference(expected.places, found.places, "places") ??
        firstDifference(expected.loads, found.loads, "loads")
      );
    } catch (error) {
      return undecodable(error);
    }
  }

  /** The first record that was not told. */
  missing(): Extract<DivergentItem, {kind: "carried" | "places"}> | undefined {
    if (!this.#isAsked) return {kind: "carried"};
    const [height] = this.#places.keys();
    return height === undefined ? undefined : {kind: "places", height};
  }
}

function told({places, loads}: Covered): Told {
  return {
    places: places.map(({witness, n, carried, hash}) => `${witness}/${n}/${carried}/${hash}`).sort(),
    loads: [...loads].map(([seat, {carried, useful}]) => `${seat}/${carried}/${useful}`).sort(),
  };
}

function placed(places: readonly Place[]): readonly string[] {
  return places.map(({witness, n, hash}) => `${witness}/${n}/${hash}`).sort();
}
