/** Runs `flooder.ts` as a process of its own; argument: its order as JSON. Ends when it is killed. */
import {register} from "node:module";

register(new URL("../tsHooks.mjs", import.meta.url));
const {floodForever} = await import("./flooder.ts");
await floodForever(JSON.parse(process.argv[2]));
