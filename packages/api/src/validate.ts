/** Requests against their schemas: compiled on first use, refused with the field's name. */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {Static, TSchema} from "typebox";
import {Compile, type Validator} from "typebox/compile";
import {Value} from "typebox/value";

const compiled = new WeakMap<TSchema, Validator>();

function validatorOf(schema: TSchema): Validator {
  const present = compiled.get(schema);
  if (present !== undefined) return present;
  const made = Compile(schema) as unknown as Validator;
  compiled.set(schema, made);
  return made;
}

export type ValidateOptions = {
  /** What is checked, for the message: `body`, `query`. */
  readonly where: string;
  /** Query texts to numbers and booleans first. */
  readonly isText?: boolean;
};

/** The value as its schema's type, or `REQUEST_INVALID` that names the first wrong field. */
export function validate<S extends TSchema>(schema: S, value: unknown, options: ValidateOptions): Static<S> {
  const candidate = options.isText === true ? Value.Convert(schema, value) : value;
  const validator = validatorOf(schema);
  if (validator.Check(candidate)) return candidate as Static<S>;
  const {field, message} = firstError(validator, candidate, options.where);
  throw new CodedError("REQUEST_INVALID", {message: `${field} ${message}.`, evidence: {field}});
}

type SchemaError = ReturnType<Validator["Errors"]>[number];

function firstError(validator: Validator, value: unknown, where: string): {field: string; message: string} {
  const errors: readonly SchemaError[] = validator.Errors(value);
  const error = errors.find(({keyword}) => keyword !== "boolean") ?? errors[0];
  if (error === undefined) return {field: where, message: "does not match its schema"};
  const path = error.instancePath.split("/").filter((part) => part !== "");
  if (error.keyword === "additionalProperties") {
    const [name] = error.params.additionalProperties;
    return {field: [where, ...path, name].join("."), message: "is not a known field"};
  }
  if (error.keyword === "required") {
    const [name] = error.params.requiredProperties;
    return {field: [where, ...path, name].join("."), message: "is missing"};
  }
  return {field: [where, ...path].join("."), message: error.message};
}
