import type { LayersModel } from '@tensorflow/tfjs-layers';
import { flError } from '../kernel/errors.ts';
import type { BatchShape } from './batch.ts';
import { optionError } from './optimizer.ts';
import { leafLayers } from './parameters.ts';

/** Checks that a model is of the kind that engines train, and reads its sizes. */
export function modelShape(model: LayersModel, batchSize: number): BatchShape {
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
  const sizes = input.shape.slice(1);
  if (sizes.some((size) => size === null)) {
    throw invalid(`its input shape is [${sizes}].`, 'Give every axis of the input but the batch a size.');
  }
  const classes = output.shape[1];
  if (output.shape.length !== 2 || typeof classes !== 'number') {
    throw invalid(`its output has shape [${output.shape}].`, 'End it with a dense layer: one logit a class.');
  }
  if (model.trainableWeights.length === 0) {
    throw invalid('it has no trainable weights.', 'Leave at least one layer trainable.');
  }
  refuseSoftmax(model);
  return { input: sizes.map(Number), classes, batchSize };
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

function refuseSoftmax(model: LayersModel): void {
  const last = leafLayers(model).at(-1);
  if (!last) return;
  if (last.getClassName() === 'Softmax' || last.getConfig().activation === 'softmax') {
    throw invalid(
      `its last layer '${last.name}' is a softmax, but the loss takes logits.`,
      'Remove the softmax; predictions come as logits too.',
    );
  }
}

function invalid(reason: string, advice: string): Error {
  return flError('NF_ENGINE_MODEL_INVALID', { reason, advice });
}
