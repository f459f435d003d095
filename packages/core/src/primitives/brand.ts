declare const brand: unique symbol;

/** A value whose type says what it means: `Brand<string, "TaskId">` is not any other string. */
export type Brand<Base, Name extends string> = Base & {readonly [brand]: Name};
