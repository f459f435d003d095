/** Runs a witness of `farCluster.ts` as a process of its own; arguments: its index, how many there are, its home. */
import {register} from "node:module";

register(new URL("../tsHooks.mjs", import.meta.url));
const {serve} = await import("./farCluster.ts");
const [index, witnesses, home] = process.argv.slice(2);
await serve(Number(index), Number(witnesses), home);
