import type { ErrorRow } from './row.ts';

/** Failures of compute engines: choosing one, compiling a model, feeding it. */
export const ENGINE_ERRORS = {
  NF_ENGINE_UNAVAILABLE: {
    exit: 4,
    message: "Engine '{engine}' cannot be used here: {reason}",
    hint: '{advice} Or choose --engine auto, which takes what is at hand.',
  },
  NF_ENGINE_INSTALL_PACKAGE: {
    exit: 4,
    message: 'There is nothing to install into: {packages} is not installed.',
    hint: "It is optional and weighs 200 MB: 'npm install --ignore-scripts @tensorflow/tfjs-node-gpu' brings it; then run this again. Or correct NEUROFLARE_TENSORFLOW_DIR where it is set.",
  },
  NF_ENGINE_INSTALL_DOWNLOAD: {
    exit: 2,
    message: "TensorFlow's native library cannot be downloaded: {reason}.",
    hint: "Check the connection (a proxy is taken from HTTPS_PROXY). Or run 'pip install tensorflow-cpu' and 'neuroflare engine install tensorflow --from-python SITE_PACKAGES', which downloads nothing.",
  },
  NF_ENGINE_INSTALL_PLATFORM: {
    exit: 4,
    message: "TensorFlow's binding can be built from a Python installation on Linux only, not on {platform}.",
    hint: "Leave out --from-python to download TensorFlow's native library.",
  },
  NF_ENGINE_INSTALL_WHEEL: {
    exit: 4,
    message: 'The Python folder has no {files}.{meant}',
    hint: "Run 'pip install tensorflow-cpu' and give the folder that 'pip show tensorflow-cpu' calls Location.",
  },
  NF_ENGINE_INSTALL_TOOLS: {
    exit: 4,
    message: "Building TensorFlow's binding needs what is not here: {missing}.",
    hint: '{advice}',
  },
  NF_ENGINE_INSTALL_BUILD: {
    exit: 1,
    message: "TensorFlow's binding does not compile: {reason}",
    hint: "Try tensorflow-cpu 2.21.0, which is known to build. NEUROFLARE_DEBUG=1 shows the compiler's output.",
  },
  NF_ENGINE_INSTALL_LOAD: {
    exit: 1,
    message: "TensorFlow's binding was made, but does not load: {reason}",
    hint: 'Correct what the reason names, for example a missing library, and run the command again; nothing was changed.',
  },
  NF_ENGINE_GPU_MISSING: {
    exit: 4,
    message: 'A GPU is required, but none can be used: {reason}',
    hint: 'Run without --require-gpu to compute on the CPU, or install a GPU engine and its driver.',
  },
  NF_ENGINE_GPU_INVALID: {
    exit: 4,
    message: "Not a list of GPU numbers: '{gpu}'.",
    hint: 'Give numbers separated by commas, for example --gpu 0 or --gpu 0,1.',
  },
  NF_ENGINE_MODEL_INVALID: {
    exit: 4,
    message: 'The model cannot be trained: {reason}',
    hint: '{advice}',
  },
  NF_ENGINE_OPTION_INVALID: {
    exit: 4,
    message: 'Training option {option} must be {expected}, not {actual}.',
    hint: 'Correct {option} where the model is compiled.',
  },
  NF_ENGINE_GROUPS: {
    exit: 4,
    message: "Layer '{layer}' cannot divide {channels|channel|channels} into {groups|group|groups}.",
    hint: 'Choose a number of groups that divides the number of channels.',
  },
  NF_ENGINE_KERNEL_UNMAPPED: {
    exit: 4,
    message: "The ort engine has no mapping for kernel '{kernel}', used by {where}.",
    hint: 'Use another layer, or choose --engine tensorflow or --engine cpu for this job.',
  },
  NF_ENGINE_KERNEL_VARIANT: {
    exit: 4,
    message: "The ort engine does not support {variant} in kernel '{kernel}', used by {where}.",
    hint: 'Use another layer, or choose --engine tensorflow or --engine cpu for this job.',
  },
  NF_ENGINE_VALUE_READ: {
    exit: 4,
    message: "The training step reads a tensor's value while it is being traced, in {where}.",
    hint: 'Express the step without dataSync, arraySync or conditions on values, or choose --engine tensorflow or --engine cpu.',
  },
  NF_ENGINE_RANDOM_UNSEEDED: {
    exit: 4,
    message: 'Random numbers are drawn outside the seed of the step, in {where}.',
    hint: 'Use the layers dropout, spatialDropout1d, gaussianNoise, gaussianDropout or alphaDropout, which are seeded each step.',
  },
  NF_ENGINE_FUNCTION_ASYNC: {
    exit: 4,
    message: 'The compiled function is asynchronous: it returns a promise.',
    hint: 'Compile a function of tensors that returns tensors; await data outside of it.',
  },
  NF_ENGINE_FUNCTION_RESULT: {
    exit: 4,
    message: 'The compiled function returns what is no tensor ({found}).',
    hint: 'Return a tensor, a list or an object of tensors, or nothing.',
  },
  NF_ENGINE_FUNCTION_INPUT: {
    exit: 4,
    message: 'Input {index} of the compiled function cannot be used: {reason}',
    hint: 'Give tensors of type float32, int32 or bool.',
  },
  NF_ENGINE_FUNCTION_VARIABLES: {
    exit: 4,
    message: 'The compiled function makes {count|variable|variables} in every step.',
    hint: 'Make variables, models and optimizers outside of the function.',
  },
  NF_ENGINE_FUNCTION_VARIABLE_VALUE: {
    exit: 4,
    message: "The compiled function makes the variable '{name}' from computed values.",
    hint: 'Make variables, models and optimizers outside of the function.',
  },
  NF_ENGINE_LOSS_SHAPE: {
    exit: 4,
    message: 'The loss gives a tensor of shape [{shape}] instead of one number an example.',
    hint: 'Let perExample return a tensor [N]: sum or average over all axes but the first.',
  },
  NF_ENGINE_BATCH_INVALID: {
    exit: 4,
    message: 'The batch cannot be used: {reason}',
    hint: 'Check the code that makes batches: their size, shapes, weights and seed.',
  },
  NF_ENGINE_DISPOSED: {
    exit: 5,
    message: 'The compiled model was used after dispose().',
    hint: 'Dispose of a model only after its last step.',
  },
} as const satisfies Record<string, ErrorRow>;
