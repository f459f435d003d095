import {MemoryDisk, MemoryStore} from "../sim/fakes/memoryStore.ts";
import {storeConformance} from "./store.ts";

storeConformance("MemoryStore", async () => {
  const disk = new MemoryDisk();
  return {store: new MemoryStore(disk), reopen: async () => new MemoryStore(disk), dispose: async () => {}};
});
