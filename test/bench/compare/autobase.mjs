// Two Autobase peers over an in-memory stream: one appends, the other replicates and folds the log into its view.
import {join} from "node:path";
import Autobase from "autobase";
import Corestore from "corestore";
import {serve} from "./serve.mjs";

const handlers = {
  open: (store) => store.get("view"),
  apply: async (nodes, view) => {
    await view.append(nodes.map(({value}) => value));
  },
  valueEncoding: "binary",
};

await serve(async (folder) => {
  const writerStore = new Corestore(join(folder, "writer"));
  const readerStore = new Corestore(join(folder, "reader"));
  const writer = new Autobase(writerStore, null, handlers);
  await writer.ready();
  const reader = new Autobase(readerStore, writer.key, handlers);
  await reader.ready();
  const [left, right] = [writer.replicate(true), reader.replicate(false)];
  left.pipe(right).pipe(left);
  let wake = () => {};
  reader.on("update", () => wake());
  let sent = 0;
  return {
    async append(values) {
      await writer.append(values);
      sent += values.length;
      for (;;) {
        await reader.update();
        if (reader.view.length >= sent) return;
        await new Promise((resolve) => {
          wake = resolve;
          setTimeout(resolve, 5);
        });
      }
    },
    async close() {
      left.destroy();
      right.destroy();
      await reader.close();
      await writer.close();
    },
  };
});
