import type {StoreReader} from "../ports/store.ts";

const PAGE = 4_096;

export type StorePagesOptions = {
  readonly after?: string | undefined;
  /** Records read at a time. */
  readonly pageMax?: number;
};

/** Everything under a prefix in key order, read page by page. Rejects as the store does. */
export async function* storePages(
  store: StoreReader,
  prefix: string,
  {after, pageMax = PAGE}: StorePagesOptions = {},
): AsyncGenerator<readonly [string, Uint8Array]> {
  for (let last = after; ; ) {
    const page = await store.range(prefix, {limit: pageMax, ...(last === undefined ? {} : {after: last})});
    yield* page;
    last = page.at(-1)?.[0];
    if (last === undefined || page.length < pageMax) return;
  }
}
