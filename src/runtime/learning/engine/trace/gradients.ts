import {
  cast,
  engine,
  type GradConfig,
  getGradient,
  greaterEqual,
  lessEqual,
  logicalAnd,
  mul,
  type NamedAttrMap,
  type NamedTensorMap,
  registerGradient,
  reshape,
  sum,
  type Tensor,
  unregisterGradient,
  zerosLike,
} from '@tensorflow/tfjs-core';

/**
 * Gradients of tfjs-core 4.22 that are replaced while a step is traced: it refuses dilated convolutions, has none for
 * comparisons and for transposed convolutions of volumes, and takes detours where few operators do.
 */
const REPLACED: readonly GradConfig[] = [
  convolution('Conv2D', { input: 'Conv2DBackpropInput', filter: 'Conv2DBackpropFilter' }),
  convolution('Conv3D', { input: 'Conv3DBackpropInputV2', filter: 'Conv3DBackpropFilterV2' }),
  convolution('DepthwiseConv2dNative', {
    input: 'DepthwiseConv2dNativeBackpropInput',
    filter: 'DepthwiseConv2dNativeBackpropFilter',
  }),
  {
    kernelName: 'ClipByValue',
    inputsToSave: ['x'],
    gradFunc: single((dy, [x], { clipValueMin, clipValueMax }) => {
      const inside = logicalAnd(greaterEqual(x, Number(clipValueMin)), lessEqual(x, Number(clipValueMax)));
      return { x: () => mul(dy, cast(inside, 'float32')) };
    }),
  },
  {
    kernelName: 'Conv3DBackpropInputV2',
    inputsToSave: ['dy', 'filter'],
    gradFunc: single((ddx, [dy, filter], attributes) => ({
      dy: () => run('Conv3D', { x: ddx, filter }, { ...attributes, dataFormat: 'NDHWC' }),
      filter: () =>
        run('Conv3DBackpropFilterV2', { x: ddx, dy }, { ...attributes, filterShape: [...filter.shape] }),
    })),
  },
  {
    kernelName: 'Tile',
    inputsToSave: ['x'],
    gradFunc: single((dy, [x], { reps }) => ({ x: () => sumOfTiles(dy, x.shape, reps as number[]) })),
  },
  ...['Greater', 'GreaterEqual', 'Less', 'LessEqual', 'Equal', 'NotEqual'].map(comparison),
];

/** Runs work with these gradients, and puts tfjs's own back. */
export function withGradients<T>(work: () => T): T {
  const former = REPLACED.map(({ kernelName }) => getGradient(kernelName));
  replace(REPLACED);
  try {
    return work();
  } finally {
    REPLACED.forEach(({ kernelName }, index) => {
      unregisterGradient(kernelName);
      const own = former[index];
      if (own) registerGradient(own);
    });
  }
}

function replace(gradients: readonly GradConfig[]): void {
  for (const gradient of gradients) {
    if (getGradient(gradient.kernelName)) unregisterGradient(gradient.kernelName);
    registerGradient(gradient);
  }
}

type Gradients = Record<string, () => Tensor>;
/** Of a kernel with one output; `saved` are the tensors that `inputsToSave` names. */
type Rule = (dy: Tensor, saved: [Tensor, Tensor], attributes: NamedAttrMap) => Gradients;

function single(rule: Rule): GradConfig['gradFunc'] {
  return (dy, saved, attributes) => rule([dy].flat()[0] as Tensor, saved as [Tensor, Tensor], attributes);
}

/** With dilations, which tfjs's own gradients refuse. */
function convolution(kernelName: string, gradients: { input: string; filter: string }): GradConfig {
  return {
    kernelName,
    inputsToSave: ['x', 'filter'],
    gradFunc: single((dy, [x, filter], attributes) => ({
      x: () => run(gradients.input, { dy, filter }, { ...attributes, inputShape: [...x.shape] }),
      filter: () => run(gradients.filter, { x, dy }, { ...attributes, filterShape: [...filter.shape] }),
    })),
  };
}

/** tfjs-core adds up one slice a tile: thousands of operators where layer normalization tiles its scale over an image. */
function sumOfTiles(dy: Tensor, shape: readonly number[], reps: readonly number[]): Tensor {
  const parts = shape.flatMap((size, axis) => {
    const times = reps[axis] ?? 1;
    return [
      ...(times > 1 ? [{ size: times, isTiled: true }] : []),
      ...(size > 1 ? [{ size, isTiled: false }] : []),
    ];
  });
  const apart = reshape(
    dy,
    parts.map(({ size }) => size),
  );
  const tiled = parts.flatMap(({ isTiled }, axis) => (isTiled ? [axis] : []));
  return reshape(sum(apart, tiled), [...shape]);
}

/** Constant almost everywhere. */
function comparison(kernelName: string): GradConfig {
  return {
    kernelName,
    inputsToSave: ['a', 'b'],
    gradFunc: single((_, [a, b]) => ({ a: () => zerosLike(a), b: () => zerosLike(b) })),
  };
}

function run(kernel: string, inputs: Record<string, Tensor>, attributes: NamedAttrMap): Tensor {
  return engine().runKernel(kernel, inputs as unknown as NamedTensorMap, attributes) as Tensor;
}
