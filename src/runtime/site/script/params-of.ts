import { isFloat, type NdArray, type NumericArray, type ParamSet } from '../../base/tensors/nd-array.ts';

/** Zero where there is none. */
export function elementsOf(params: ParamSet | undefined, name: string): (at: number) => number {
  const data = params?.[name]?.data;
  return data ? (at) => data[at] ?? 0 : () => 0;
}

/** Arrays like those of a model: each element of floats made, integers zero. */
export function eachFloat(model: ParamSet, elements: (name: string) => (at: number) => number): ParamSet {
  const arrays = Object.entries(model).map(([name, { dtype, shape, data }]): [string, NdArray] => {
    const made: NumericArray = data.slice().fill(0);
    const make = elements(name);
    if (isFloat({ dtype })) for (let at = 0; at < made.length; at++) made[at] = make(at);
    return [name, { dtype, shape: [...shape], data: made } as NdArray];
  });
  return Object.fromEntries(arrays);
}
