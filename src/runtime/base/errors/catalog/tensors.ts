import type { ErrorRow } from './row.ts';

/** Named arrays and the files that hold them. */
export const TENSOR_ERRORS = {
  NF_TENSORS_FILE: {
    exit: 4,
    message: '{path} is not a readable safetensors file: {reason}.',
    hint: 'Check that the file was copied whole and that it was written as safetensors.',
  },
  NF_TENSORS_NAMES: {
    exit: 1,
    message: 'The arrays do not match the model: {difference}.',
    hint: 'Give every array of the received model under its own name, and no others.',
  },
  NF_TENSORS_SHAPE: {
    exit: 1,
    message: "Array '{name}' is {got}, the model has {expected}.",
    hint: 'Give every array with the shape and dtype it was received with; everyone must build the same model.',
  },
  NF_TENSORS_NOT_FINITE: {
    exit: 1,
    message: "Array '{name}' holds {value} at index {index}.",
    hint: 'Lower the learning rate, or check the data and the loss for divisions by zero.',
  },
  NF_TENSORS_PACKED: {
    exit: 1,
    message: "The packed array '{name}' cannot be read: {reason}.",
    hint: 'Nothing of this answer is used. Look for a changed client at the site, or leave the packing out of task_result_filters.',
  },
  NF_TENSORS_INVALID: {
    exit: 1,
    message: "'{name}' is not a usable array: {reason}.",
    hint: 'An array is { dtype, shape, data }, with a typed array of as many elements as the shape says.',
  },
} as const satisfies Record<string, ErrorRow>;
