import { flError } from '../../base/errors/errors.ts';
import { elementCount, type NdArray, type ParamSet } from '../../base/tensors/nd-array.ts';

/** Names of parameters by PyTorch's: `conv1/kernel` is `conv1.weight`. */
const TORCH_NAMES: Readonly<Record<string, string>> = {
  kernel: 'weight',
  bias: 'bias',
  gamma: 'weight',
  beta: 'bias',
  moving_mean: 'running_mean',
  moving_variance: 'running_var',
};

export function torchName(name: string): string {
  const cut = name.lastIndexOf('/');
  const [layer, weight] = [name.slice(0, cut), name.slice(cut + 1)];
  return `${layer.replaceAll('/', '.')}.${TORCH_NAMES[weight] ?? weight}`;
}

/**
 * Parameters under PyTorch's names and in its axis order: convolutions [out, in, height, width] instead of
 * [height, width, in, out], dense layers [out, in] instead of [in, out].
 */
export function toTorch(params: ParamSet): ParamSet {
  return Object.fromEntries(
    Object.entries(params).map(([name, array]) => [
      torchName(name),
      moved(array, torchOrder(name, array.shape)),
    ]),
  );
}

/**
 * The way back, for the parameters of `like`.
 * @throws NF_IMPORT_FILE where one is missing or has another shape
 */
export function fromTorch(given: ParamSet, like: ParamSet, path: string): ParamSet {
  return Object.fromEntries(
    Object.entries(like).map(([name, { shape }]) => {
      const array = given[torchName(name)];
      const order = torchOrder(name, shape);
      const expected = order.map((axis) => shape[axis] ?? 1);
      if (`${array?.shape}` !== `${expected}`) {
        const found = array ? `[${array.shape}]` : 'missing';
        const reason = `'${torchName(name)}' is ${found} instead of [${expected}]`;
        throw flError('NF_IMPORT_FILE', { path, reason }, { place: { file: path } });
      }
      return [name, moved(array as NdArray, inverse(order))];
    }),
  );
}

/** Which axis of ours is each of PyTorch's. */
function torchOrder(name: string, shape: readonly number[]): number[] {
  const axes = [...shape.keys()];
  if (!name.endsWith('/kernel') || shape.length < 2) return axes;
  const rank = shape.length;
  return [rank - 1, rank - 2, ...axes.slice(0, -2)];
}

function inverse(order: readonly number[]): number[] {
  return [...order.keys()].map((axis) => order.indexOf(axis));
}

function moved({ dtype, shape, data }: NdArray, order: readonly number[]): NdArray {
  const sizes = order.map((axis) => shape[axis] ?? 1);
  const strides = shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
  const result = data.slice();
  const place = order.map(() => 0);
  for (let at = 0; at < result.length; at++) {
    const from = order.reduce((sum, axis, to) => sum + (place[to] ?? 0) * (strides[axis] ?? 1), 0);
    result[at] = data[from] ?? 0;
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      place[axis] = (place[axis] ?? 0) + 1;
      if ((place[axis] ?? 0) < (sizes[axis] ?? 1)) break;
      place[axis] = 0;
    }
  }
  return { dtype, shape: sizes, data: result };
}
