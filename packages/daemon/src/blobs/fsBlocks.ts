import {FsBlockstore} from "blockstore-fs";
import type {BlockStorage} from "./blockStorage.ts";

/** Blocks as files in sharded folders below `path`. */
export async function openFsBlocks(path: string): Promise<BlockStorage> {
  const store = new FsBlockstore(path);
  await store.open();
  return store;
}
