// Preloaded into one daemon (NODE_OPTIONS=--import …): its wall clock is off by CTZ_TEST_SKEW_MS.
const skewMs = Number(process.env.CTZ_TEST_SKEW_MS ?? 0);
const RealDate = Date;
const now = RealDate.now.bind(RealDate);

globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(now() + skewMs);
    else super(...given);
  }

  static now() {
    return now() + skewMs;
  }
};
