import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ParamSet } from '../../src/runtime/base/tensors/nd-array.ts';
import { decodeSafetensors, encodeSafetensors } from '../../src/runtime/base/tensors/safetensors.ts';
import { PYTHON, python } from '../support/python.ts';
import { tempFolder } from '../support/temp-folder.ts';

const PARAMS: ParamSet = {
  'conv1/kernel': { dtype: 'float32', shape: [2, 3], data: Float32Array.of(1, -2, 3.5, 4, 5, -6) },
  count: { dtype: 'int32', shape: [], data: Int32Array.of(7) },
  bytes: { dtype: 'uint8', shape: [3], data: Uint8Array.of(0, 128, 255) },
  wide: { dtype: 'float64', shape: [1, 2], data: Float64Array.of(Math.PI, -1e300) },
};

describe.skipIf(!PYTHON)('the safetensors package', () => {
  const folder = tempFolder();

  it('reads a model written here', () => {
    const path = join(folder, 'ours.safetensors');
    writeFileSync(path, encodeSafetensors(PARAMS));
    const read = python<Record<string, [string, number[], number[]]>>(
      `import json, sys
from safetensors.numpy import load_file
print(json.dumps({k: [str(v.dtype), v.shape, v.ravel().tolist()] for k, v in load_file(sys.argv[1]).items()}))`,
      path,
    );
    const expected = Object.entries(PARAMS).map(([name, { dtype, shape, data }]) => [
      name,
      [dtype, [...shape], [...data]],
    ]);
    expect(read).toEqual(Object.fromEntries(expected));
  });

  it('writes a model that is read here', () => {
    const path = join(folder, 'theirs.safetensors');
    python<null>(
      `import sys, numpy as np
from safetensors.numpy import save_file
save_file({"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([1, 2], np.int16)}, sys.argv[1], {"format": "np"})
print("null")`,
      path,
    );
    const read = decodeSafetensors(readFileSync(path), path);
    expect([...(read.a?.data ?? [])]).toEqual([0, 1, 2, 3, 4, 5]);
    expect(read.a?.shape).toEqual([2, 3]);
    expect(read.b?.dtype).toBe('int16');
  });
});
