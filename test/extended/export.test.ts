import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../src/runtime/base/random.ts';
import { LOCAL_FILES } from '../../src/runtime/job/job-paths.ts';
import { tf } from '../../src/runtime/learning/engine/tfjs.ts';
import { exportModel } from '../../src/runtime/learning/export/export-model.ts';
import { buildModel, fillModel } from '../../src/runtime/learning/models/build.ts';
import { initialParams } from '../../src/runtime/learning/models/initial-params.ts';
import { PYTHON, python } from '../support/python.ts';
import { tempFolder } from '../support/temp-folder.ts';

const SIZE = 64;
const COUNT = 5;

/** What docs/engine.md shows: the network in PyTorch, with the names of the exported file. */
const TORCH_CNN = `
import json, sys, torch
from torch import nn
from safetensors.torch import load_file

class MriCnn(nn.Module):
    def __init__(self, classes, width=16):
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.conv3 = nn.Conv2d(2 * width, 4 * width, 3, padding=1)
        self.conv4 = nn.Conv2d(4 * width, 8 * width, 3, padding=1)
        self.hidden = nn.Linear(8 * width, 4 * width)
        self.logits = nn.Linear(4 * width, classes)

    def forward(self, x):  # [n, 1, size, size]
        for conv in (self.conv1, self.conv2, self.conv3):
            x = nn.functional.max_pool2d(torch.relu(conv(x)), 2)
        x = torch.relu(self.conv4(x)).amax((2, 3))
        return self.logits(torch.relu(self.hidden(x)))

model = MriCnn(classes=4)
model.load_state_dict(load_file(sys.argv[1]))
`;

function trained(spec: object) {
  const random = createRandom('trained');
  return Object.fromEntries(
    Object.entries(initialParams(spec)).map(([name, array]) => {
      const data = Float32Array.from(array.data, (value) => Number(value) + 0.1 * random.normal());
      return [name, { ...array, dtype: 'float32' as const, data }];
    }),
  );
}

describe.skipIf(!PYTHON)('an exported model', () => {
  const folder = tempFolder();
  const images = join(folder, 'images.f32');
  const random = createRandom('pictures');
  const pixels = new Float32Array(COUNT * SIZE * SIZE).map(() => random.normal());

  beforeAll(() => writeFileSync(images, new Uint8Array(pixels.buffer)));

  const logitsOf = (spec: object): number[] => {
    const model = buildModel(spec);
    fillModel(model, trained(spec));
    const logits = model.predict(tf.tensor(pixels, [COUNT, SIZE, SIZE, 1])) as tf.Tensor;
    return [...logits.dataSync()];
  };
  const expectClose = (actual: readonly number[], expected: readonly number[]) => {
    expect(actual).toHaveLength(expected.length);
    const largest = Math.max(...expected.map(Math.abs));
    for (const [index, value] of expected.entries()) {
      expect(Math.abs((actual[index] ?? Number.NaN) - value)).toBeLessThan(1e-5 * largest + 2e-6);
    }
  };

  it.each(['mri-cnn', 'mri-resnet'])(
    '%s is valid ONNX and computes the same in plain onnxruntime',
    async (type) => {
      const spec = { type, image_size: SIZE, num_classes: 4 };
      const out = join(folder, `${type}.onnx`);
      await exportModel({ spec, params: trained(spec), format: 'onnx', out, force: false });
      const { logits, probabilities, domains, batch } = python<{
        logits: number[];
        probabilities: number[];
        domains: string[];
        batch: string;
      }>(
        `import json, sys, numpy as np, onnx, onnxruntime
model = onnx.load(sys.argv[1])
onnx.checker.check_model(model, full_check=True)
session = onnxruntime.InferenceSession(sys.argv[1])
image = np.fromfile(sys.argv[2], np.float32).reshape(-1, ${SIZE}, ${SIZE}, 1)
logits, probabilities = session.run(["logits", "probabilities"], {"image": image})
print(json.dumps({"logits": logits.ravel().tolist(), "probabilities": probabilities.sum(1).tolist(),
  "domains": sorted({n.domain for n in model.graph.node}), "batch": session.get_inputs()[0].shape[0]}))`,
        out,
        images,
      );
      expectClose(logits, logitsOf(spec));
      for (const sum of probabilities) expect(sum).toBeCloseTo(1, 5);
      expect([domains, batch]).toEqual([[''], 'batch']);
    },
  );

  it('loads in PyTorch and computes the same', async () => {
    const spec = { type: 'mri-cnn', image_size: SIZE, num_classes: 4 };
    const out = join(folder, 'mri-cnn.safetensors');
    await exportModel({ spec, params: trained(spec), format: 'safetensors', out, force: false });
    const logits = python<number[]>(
      `${TORCH_CNN}
import numpy as np
image = torch.from_numpy(np.fromfile(sys.argv[2], np.float32)).reshape(-1, 1, ${SIZE}, ${SIZE})
print(json.dumps(model(image).detach().ravel().tolist()))`,
      out,
      images,
    );
    expectClose(logits, logitsOf(spec));
  });

  it('takes weights from PyTorch', async () => {
    const { importParams } = await import('../../src/runtime/learning/export/import-params.ts');
    const spec = { type: 'mri-cnn', image_size: SIZE, num_classes: 4 };
    const [ours, theirs] = [join(folder, 'ours.safetensors'), join(folder, 'theirs.safetensors')];
    await exportModel({ spec, params: trained(spec), format: 'safetensors', out: ours, force: false });
    python<null>(
      `${TORCH_CNN}
from safetensors.torch import save_file
save_file({name: 2 * value for name, value in model.state_dict().items()}, sys.argv[2])
print("null")`,
      ours,
      theirs,
    );
    const doubled = await importParams(theirs, spec, LOCAL_FILES);
    for (const [name, { data }] of Object.entries(trained(spec))) {
      expect(doubled[name]?.data).toEqual(data.map((value) => 2 * value));
    }
  });
});
