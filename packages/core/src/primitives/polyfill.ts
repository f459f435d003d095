/**
 * Node 20 lacks `Promise.withResolvers`, which libp2p calls. Every entry program, worker and child
 * imports this file first. Not a rule of the protocol; it lives here because every package sees it.
 */
const promise = Promise as {withResolvers?: unknown};

if (typeof promise.withResolvers !== "function") {
  promise.withResolvers = function withResolvers<T>(this: PromiseConstructor): PromiseWithResolvers<T> {
    let resolve!: PromiseWithResolvers<T>["resolve"];
    let reject!: PromiseWithResolvers<T>["reject"];
    const created = new Promise<T>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    return {promise: created, resolve, reject};
  };
}
