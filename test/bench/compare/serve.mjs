import "@catalyze/core/primitives/polyfill";

// The child's side of `otherLog.ts`: opens two peers in the folder that it is given, says that it is ready,
// and appends what it is told to.
export async function serve(open) {
  const subject = await open(process.argv[2]);
  process.on("message", async ({values, isLast}) => {
    if (isLast) {
      await subject.close();
      process.exit(0);
    }
    await subject.append(values.map((value) => new Uint8Array(value)));
    process.send("appended");
  });
  // Whoever started us is gone.
  process.on("disconnect", () => process.exit(1));
  process.send("ready");
}
