/** Runs `pacer.ts` as a process of its own; arguments: whom it hands ops to. Ends when it is killed. */
import {register} from "node:module";

register(new URL("../tsHooks.mjs", import.meta.url));
const {pace} = await import("./pacer.ts");
await pace(process.argv.slice(2));
