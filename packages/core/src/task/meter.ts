/**
 * How a class counts its work. MAC counts come from the graph and the shapes that ran: per model a
 * polynomial in named sizes (rows, columns, tokens), fitted exactly when the model is added.
 */
/** `coefficient × Π size^power`. */
export type MeterTerm = {readonly coefficient: string; readonly powers: Readonly<Record<string, number>>};

/** Per model file name, the MAC of one run. For `unit: "token"` the terms are empty: tokens are counted. */
export type Meter = {readonly models: Readonly<Record<string, readonly MeterTerm[]>>};
