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

/** A job of PyTorch whose model is one array of two zeros. @returns its folder */
async function torchJob(
  name: string,
  { workflow, keys = {} }: { workflow: object; keys?: object },
  client: string,
) {
  const folder = join(root, name);
  await mkdir(folder, { recursive: true });
  const definition = {
    version: 1,
    name,
    workflow: { num_rounds: 3, n_clients: 2, ...workflow },
    executor: { type: 'python', framework: 'pytorch', train_script: 'client.py', ...keys },
    model: { initial_params: { 'linear.weight': { data: [[0, 0]] } } },
  };
  await writeFile(join(folder, 'job.yaml'), JSON.stringify(definition));
  await writeFile(join(folder, 'client.py'), client);
  return folder;
}

/** Each site has another quadratic loss: its centre and its curvature follow from its name. */
const SITE = `import numpy as np
CENTRE = {'site-1': np.array([[1.0, -2.0]]), 'site-2': np.array([[-3.0, 0.5]])}
CURVATURE = {'site-1': 1.0, 'site-2': 0.25}
RATE, STEPS, ROUNDS = 0.1, 4, 3
`;

const SCAFFOLD_CLIENT = `${SITE}
import copy
import torch
import nvflare.client as flare
from nvflare.app_opt.pt.scaffold import PTScaffoldHelper, get_lr_values

net = torch.nn.Sequential()
net.linear = torch.nn.Linear(2, 1, bias=False)
helper = PTScaffoldHelper()
helper.init(net)
flare.init()
site = flare.get_site_name()
centre, curvature = torch.tensor(CENTRE[site], dtype=torch.float32), CURVATURE[site]
while flare.is_running():
    received = flare.receive()
    net.load_state_dict(received.params)
    if flare.is_evaluate():
        flare.send(flare.FLModel(metrics={'accuracy': 1.0}))
        continue
    before = copy.deepcopy(net)
    helper.load_global_controls(received.meta['scaffold_c_global'])
    terms = helper.get_params()
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE)
    for _ in range(STEPS):
        optimizer.zero_grad()
        (curvature * (net.linear.weight - centre) ** 2).sum().backward()
        optimizer.step()
        helper.model_update(net, get_lr_values(optimizer)[0], *terms)
    helper.terms_update(net, RATE, *terms, before)
    meta = {'NUM_STEPS_CURRENT_ROUND': STEPS, 'scaffold_c_diff': helper.get_delta_controls()}
    flare.send(flare.FLModel(params=net.state_dict(), meta=meta))
`;

/** Algorithm 1 of Karimireddy et al. 2020, option II, as it stands there. */
const SCAFFOLD_IN_FULL = `${SITE}
import json
x, c = np.zeros((1, 2)), np.zeros((1, 2))
own = {site: np.zeros((1, 2)) for site in CENTRE}
for _ in range(ROUNDS):
    moves, changes = [], []
    for site in CENTRE:
        y = x.copy()
        for _ in range(STEPS):
            y -= RATE * (2 * CURVATURE[site] * (y - CENTRE[site]) - own[site] + c)
        fresh = own[site] - c + (x - y) / (STEPS * RATE)
        moves.append(y - x)
        changes.append(fresh - own[site])
        own[site] = fresh
    x, c = x + sum(moves) / 2, c + sum(changes) / 2
print(json.dumps(x.tolist()))`;

describe.skipIf(PYTHON === undefined)('SCAFFOLD in PyTorch', () => {
  it('has the model of the whole algorithm in numpy', async () => {
    const job = await torchJob('scaffold', { workflow: { type: 'scaffold' } }, SCAFFOLD_CLIENT);
    const { run_folder: run } = await summaryOf(job, { workspace: join(root, 'work') });
    const { data = [] } = (await readParamsFile(join(run, 'model.safetensors')))['linear.weight'] ?? {};
    const [wanted = []] = python<number[][]>(SCAFFOLD_IN_FULL);
    expect([...data]).toEqual(wanted.map((value) => expect.closeTo(value, 5)));
  });
});

const RANKS = `import torch
import torch.distributed as dist
import nvflare.client as flare

dist.init_process_group('gloo')
rank = dist.get_rank()
flare.init(rank=rank)
while True:
    running = [flare.is_running() if rank == 0 else None]
    dist.broadcast_object_list(running, src=0)
    if not running[0]:
        break
    model = flare.receive()
    assert (model is None) == (rank != 0)
    own = torch.tensor([[1.0, 2.0]]) * (rank + 1)
    dist.all_reduce(own)
    if rank == 0:
        params = {'linear.weight': model.params['linear.weight'] + own}
        flare.send(flare.FLModel(params=params, metrics={'accuracy': 1.0}, meta={'NUM_STEPS_CURRENT_ROUND': 1}))
dist.destroy_process_group()
`;

describe.skipIf(PYTHON === undefined)('a script in several processes', () => {
  it('trains as ranks of one group, of which the first answers', async () => {
    const job = await torchJob(
      'ranks',
      { workflow: { type: 'fedavg', num_rounds: 2, n_clients: 1 }, keys: { processes: 2 } },
      RANKS,
    );
    const { run_folder: run } = await summaryOf(job, { workspace: join(root, 'work') });
    const { data = [] } = (await readParamsFile(join(run, 'model.safetensors')))['linear.weight'] ?? {};
    expect([...data]).toEqual([6, 12]);
  });
});

const LIGHTNING = `import torch
import pytorch_lightning as pl
import nvflare.client.lightning as flare

class Net(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(2, 1, bias=False)
        self.__fl_meta__ = {'kept': 'yes'}

    def training_step(self, batch, _):
        return ((self.linear.weight - 1.0) ** 2).sum()

    def validation_step(self, batch, _):
        self.log('accuracy', float(self.linear.weight.sum()))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.25)

flare.init()
net, data = Net(), torch.utils.data.DataLoader(torch.zeros(2, 1))
quiet = {'logger': False, 'enable_checkpointing': False, 'enable_progress_bar': False, 'enable_model_summary': False}
trainer = pl.Trainer(max_epochs=1, accelerator='cpu', **quiet)
flare.patch(trainer)
flare.patch(trainer)
while flare.is_running():
    flare.receive()
    trainer.validate(net, data)
    if flare.is_train():
        trainer.fit(net, data)
`;

describe.skipIf(PYTHON === undefined)('a patched trainer of PyTorch Lightning', () => {
  // Of e = 1 - w a step leaves a half, and with the pull of FedProx the second step of a round leaves three quarters.
  it.each([
    ['fedprox', { proximal_mu: 1 }, 1 - (3 / 8) ** 2],
    ['scaffold', {}, 1 - (1 / 4) ** 2],
  ])('trains the received model in each round, by %s', async (type, options, weight) => {
    const job = await torchJob(
      `lightning-${type}`,
      { workflow: { type, num_rounds: 2, n_clients: 1, ...options } },
      LIGHTNING,
    );
    const { run_folder: run } = await summaryOf(job, { workspace: join(root, 'work') });
    const { data = [] } = (await readParamsFile(join(run, 'model.safetensors')))['linear.weight'] ?? {};
    expect([...data]).toEqual([expect.closeTo(weight, 5), expect.closeTo(weight, 5)]);
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
