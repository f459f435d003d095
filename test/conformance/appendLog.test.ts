import {mkdtemp, rm} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {FileLog} from "@catalyze/daemon/store/fileLog";
import {MemoryLog, MemoryLogFile} from "../sim/fakes/memoryLog.ts";
import {appendLogConformance} from "./appendLog.ts";

appendLogConformance("MemoryLog", async () => {
  const file = new MemoryLogFile();
  return {log: new MemoryLog(file), reopen: async () => new MemoryLog(file), dispose: async () => {}};
});

appendLogConformance("FileLog", async () => {
  const home = await mkdtemp(join(tmpdir(), "ctz-log-"));
  const path = join(home, "log");
  let log = await FileLog.open(path);
  return {
    log,
    reopen: async () => {
      await log.close();
      log = await FileLog.open(path);
      return log;
    },
    dispose: async () => {
      await log.close();
      await rm(home, {recursive: true, force: true});
    },
  };
});
