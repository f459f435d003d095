/** A user's own model: named tensors in, named tensors out, nothing around it. */
import {CodedError} from "@catalyze/core/errors/codedError";
import {macOf} from "@catalyze/core/task/meter";
import {parseNoParams} from "@catalyze/core/task/params";
import {sizesOf} from "@catalyze/core/task/tensorSpec";
import {decodeTensors, encodeTensors} from "@catalyze/core/task/tensors";
import {fromOnnx, toOnnx} from "./onnxTensors.ts";
import type {LoadProgram} from "./program.ts";
import {openModel, runModel, runtime} from "./runtime.ts";

export const loadTensors: LoadProgram = async ({meter, tensors: signature, outputBytesMax}, readFile) => {
  const ort = await runtime();
  const session = await openModel(readFile("model.onnx"));
  return {
    async run(params, input, {spend}) {
      parseNoParams(params);
      const tensors = decodeTensors(input);
      spend(macOf(meter, "model.onnx", sizesOf(signature?.inputs ?? [], tensors)));
      const feeds = Object.fromEntries(tensors.map((tensor) => [tensor.name, toOnnx(ort, tensor)]));
      const result = await runModel(session, feeds);
      const outputs = Object.entries(result).map(([name, value]) => fromOnnx(name, value as never));
      const bytes = outputs.reduce((sum, {data}) => sum + data.length, 0);
      if (bytes > outputBytesMax) throw new CodedError("EXECUTOR_OUTPUT_TOO_LARGE", {evidence: {bytes}});
      return encodeTensors(outputs);
    },
    close: () => session.release(),
  };
};
