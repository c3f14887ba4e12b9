import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readParamsFile } from '../../src/runtime/base/tensors/read-params-file.ts';
import { importNvflareJob } from '../../src/runtime/federation/nvflare/import-job.ts';
import { loadJob } from '../../src/runtime/job/load.ts';
import { PYTHON_FOLDER } from '../../src/runtime/site/python/python-executor.ts';
import { PYTHON, python } from '../support/python.ts';
import { summaryOf } from '../support/simulate-quietly.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();

const MODEL = `import torch

class Net(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = torch.nn.Linear(2, width)
        self.norm = torch.nn.BatchNorm1d(width)
        self.coarse = torch.nn.Parameter(torch.ones(3, dtype=torch.bfloat16))
        self.register_buffer('small', torch.full((1,), 0.5, dtype=torch.float16))
        self.register_buffer('mask', torch.tensor([True, False]))
`;

const CLIENT = `import torch
import nvflare.client as flare
from model import Net

net = Net(4)
own = {name: tensor.dtype for name, tensor in net.state_dict().items()}
flare.init()
while flare.is_running():
    received = flare.receive()
    assert {name: tensor.dtype for name, tensor in received.params.items()} == own
    net.load_state_dict(received.params)
    if flare.is_evaluate():
        flare.send(flare.FLModel(metrics={'accuracy': 1.0}))
        continue
    net.train()
    loss = net.norm(net.linear(torch.rand(8, 2))).square().mean() + net.coarse.float().sum()
    loss.backward()
    torch.optim.SGD(net.parameters(), lr=0.5).step()
    flare.send(flare.FLModel(params=net.state_dict(), metrics={'accuracy': torch.tensor(0.5)}, meta={'NUM_STEPS_CURRENT_ROUND': 1}))
`;

const AC = 'nvflare.app_common.';
const server = {
  format_version: 2,
  workflows: [{ id: 'c', path: `${AC}workflows.fedavg.FedAvg`, args: { num_clients: 1, num_rounds: 1 } }],
  components: [
    {
      id: 'persistor',
      path: 'nvflare.app_opt.pt.file_model_persistor.PTFileModelPersistor',
      args: { model: { path: 'model.Net', args: { width: 4 } } },
    },
  ],
};
const client = {
  format_version: 2,
  executors: [
    {
      tasks: ['*'],
      executor: {
        path: `${AC}executors.client_api_executor.ClientAPIExecutor`,
        args: {
          execution_mode: 'in_process',
          task_script_path: 'client.py',
          params_exchange_format: 'pytorch',
        },
      },
    },
  ],
};

/** As nvflare exports it. */
async function exported(): Promise<string> {
  const files = {
    'meta.json': JSON.stringify({ name: 'net', deploy_map: { app: ['server', 'site-1'] } }),
    'app/config/config_fed_server.json': JSON.stringify(server),
    'app/config/config_fed_client.json': JSON.stringify(client),
    'app/custom/model.py': MODEL,
    'app/custom/client.py': CLIENT,
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, 'exported', path)), { recursive: true });
    await writeFile(join(root, 'exported', path), text);
  }
  return join(root, 'exported');
}

describe.skipIf(PYTHON === undefined)('a job of PyTorch that nvflare has exported', () => {
  it('gives its script tensors of their own types, and its model is made here', async () => {
    const job = join(root, 'job');
    await importNvflareJob(await exported(), job);
    expect((await loadJob(job)).value.executor.dtypes).toEqual({
      'norm.num_batches_tracked': 'int64',
      coarse: 'bfloat16',
      small: 'float16',
      mask: 'bool',
    });
    const before = await readParamsFile(join(job, 'model.safetensors'));
    expect(before['linear.weight']?.shape).toEqual([4, 2]);
    const { run_folder: run } = await summaryOf(job, { workspace: join(root, 'work') });
    const after = await readParamsFile(join(run, 'model.safetensors'));
    expect([...(after['norm.num_batches_tracked']?.data ?? [])]).toEqual([1]);
    expect([...(after.coarse?.data ?? [])]).toEqual([0.5, 0.5, 0.5]);
    expect([...(after.small?.data ?? [])]).toEqual([0.5]);
    expect([...(after.mask?.data ?? [])]).toEqual([1, 0]);
    expect(after['linear.weight']?.data).not.toEqual(before['linear.weight']?.data);
  });
});

const ROUND_TRIP = `import json, struct, sys, tempfile, os
sys.path.insert(0, sys.argv[1])
import numpy as np
import neuroflare_arrays as arrays
found = {}
for name in ['int64', 'uint64', 'uint32', 'uint16', 'bool', 'float16', 'float64', 'float32', 'int32', 'int16', 'int8', 'uint8']:
    for shape in [(), (0,), (3,), (2, 3)]:
        values = (np.arange(int(np.prod(shape))) % 2).reshape(shape).astype(name)
        stored, own = arrays.stored_types(name)
        size = values.size * arrays.TYPES[stored][1]
        data = arrays._bytes_of(values, ('a', stored, shape, 0, size), None)
        header = json.dumps({'a': {'dtype': stored, 'shape': list(shape), 'data_offsets': [0, size]}}).encode()
        path = os.path.join(tempfile.mkdtemp(), 'a')
        with open(path, 'wb') as out:
            out.write(struct.pack('<Q', len(header)) + header + data)
        back = arrays.read_params(arrays.ModelFile(path), 'numpy', {'a': own} if own else {})['a']
        found[name + str(list(shape))] = back.dtype == values.dtype and back.shape == values.shape and bool((back == values).all())
print(json.dumps(found))`;

describe.skipIf(PYTHON === undefined)('arrays of numpy', () => {
  it('come back as they went, of every type and shape', () => {
    const found = python<Record<string, boolean>>(ROUND_TRIP, PYTHON_FOLDER);
    expect(Object.keys(found)).toHaveLength(48);
    expect(Object.entries(found).filter(([, isSame]) => !isSame)).toEqual([]);
  });
});
