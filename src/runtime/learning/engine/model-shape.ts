import type { LayersModel } from '@tensorflow/tfjs-layers';
import { flError } from '../../base/errors/errors.ts';
import type { BatchShape } from './batch.ts';
import type { CompileOptions } from './engine.ts';
import { optionError } from './optimizer.ts';
import { leafLayers } from './parameters.ts';

/** Losses that have the last activation within. */
const TAKES_LOGITS = ['softmax-cross-entropy', 'sigmoid-cross-entropy', 'dice', 'dice-cross-entropy'];
const LAST_ACTIVATIONS = ['softmax', 'sigmoid'];

/** Checks that a model is of the kind that engines train, and reads its sizes. */
export function modelShape(
  model: LayersModel,
  { batchSize, loss }: Pick<CompileOptions, 'batchSize' | 'loss'>,
): BatchShape {
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw optionError('batchSize', 'a whole number of at least 1', batchSize);
  const [input, ...moreInputs] = model.inputs;
  const [output, ...moreOutputs] = model.outputs;
  if (!input || !output || moreInputs.length + moreOutputs.length > 0) {
    throw invalid(
      `it has ${model.inputs.length} inputs and ${model.outputs.length} outputs.`,
      'Build a model with one input and one output.',
    );
  }
  const [sizes, outputs] = [input.shape.slice(1), output.shape.slice(1)];
  if (sizes.some((size) => size === null)) {
    throw invalid(`its input shape is [${sizes}].`, 'Give every axis of the input but the batch a size.');
  }
  if (outputs.length === 0 || outputs.some((size) => size === null)) {
    throw invalid(
      `its output has shape [${output.shape}].`,
      'Let every axis of the output but the batch have a size.',
    );
  }
  if (model.trainableWeights.length === 0) {
    throw invalid('it has no trainable weights.', 'Leave at least one layer trainable.');
  }
  if (TAKES_LOGITS.includes(loss?.kind ?? 'softmax-cross-entropy')) refuseActivation(model);
  return { input: sizes.map(Number), output: outputs.map(Number), batchSize };
}

/**
 * True if an example's result depends on the others in its batch, so that a batch must not be filled up: with batch
 * normalisation, and with layers that say so by a property `mixesExamples`.
 */
export function mixesExamples(model: LayersModel): boolean {
  return leafLayers(model).some(
    (layer) => layer.getClassName() === 'BatchNormalization' || Reflect.get(layer, 'mixesExamples') === true,
  );
}

function refuseActivation(model: LayersModel): void {
  const last = leafLayers(model).at(-1);
  if (!last) return;
  const activation = last.getClassName() === 'Softmax' ? 'softmax' : String(last.getConfig().activation);
  if (LAST_ACTIVATIONS.includes(activation)) {
    throw invalid(
      `its last layer '${last.name}' is a ${activation}, but the loss takes logits.`,
      `Remove the ${activation}; predictions come as logits too.`,
    );
  }
}

function invalid(reason: string, advice: string): Error {
  return flError('NF_ENGINE_MODEL_INVALID', { reason, advice });
}
