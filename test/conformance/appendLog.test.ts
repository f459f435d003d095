import {MemoryLog, MemoryLogFile} from "../sim/fakes/memoryLog.ts";
import {appendLogConformance} from "./appendLog.ts";

appendLogConformance("MemoryLog", async () => {
  const file = new MemoryLogFile();
  return {log: new MemoryLog(file), reopen: async () => new MemoryLog(file), dispose: async () => {}};
});
