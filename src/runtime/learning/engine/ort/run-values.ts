import type { OnnxValue, Tensor } from 'onnxruntime-common';

/** Graphs leave out inputs that nothing depends on. */
export function only(feeds: Record<string, Tensor>, names: readonly string[]): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => names.includes(name)));
}

/** Numbers of a result. */
export function floats(value: OnnxValue | undefined): Float32Array {
  const data: unknown = value && 'data' in value ? value.data : undefined;
  if (!(data instanceof Float32Array)) throw new Error('ONNX Runtime gave no float32 result');
  return data;
}
