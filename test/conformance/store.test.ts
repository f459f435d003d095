import {mkdtemp, rm} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {LevelStore} from "@catalyze/daemon/store/levelStore";
import {MemoryDisk, MemoryStore} from "../sim/fakes/memoryStore.ts";
import {storeConformance} from "./store.ts";

storeConformance("MemoryStore", async () => {
  const disk = new MemoryDisk();
  return {store: new MemoryStore(disk), reopen: async () => new MemoryStore(disk), dispose: async () => {}};
});

storeConformance("LevelStore", async () => {
  const path = await mkdtemp(join(tmpdir(), "ctz-store-"));
  let store = await LevelStore.open(path);
  return {
    store,
    reopen: async () => {
      await store.close();
      store = await LevelStore.open(path);
      return store;
    },
    dispose: async () => {
      await store.close();
      await rm(path, {recursive: true, force: true});
    },
  };
});
