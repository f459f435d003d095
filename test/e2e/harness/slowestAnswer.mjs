/** A thread that asks a daemon again and again until it is told to stop, and says the slowest answer in ms. */
import {setTimeout as pause} from "node:timers/promises";
import {parentPort, workerData} from "node:worker_threads";

const ASK_EVERY_MS = 50;
const {url, token} = workerData;
let isOver = false;
parentPort.once("message", () => {
  isOver = true;
});

let slowestMs = 0;
do {
  const start = performance.now();
  const answer = await fetch(url, {headers: {authorization: `Bearer ${token}`}});
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  await answer.arrayBuffer();
  slowestMs = Math.max(slowestMs, performance.now() - start);
  await pause(ASK_EVERY_MS);
} while (!isOver);
parentPort.postMessage(slowestMs);
