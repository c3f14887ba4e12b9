import { existsSync } from 'node:fs';
import { cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { importNvflareJob } from '../../../../src/runtime/federation/nvflare/import-job.ts';
import { jobFolderOf, withJobFolder } from '../../../../src/runtime/federation/nvflare/on-the-fly.ts';
import { loadJob } from '../../../../src/runtime/job/load.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

interface Part {
  readonly path: string;
  readonly args?: object;
}

const AC = 'nvflare.app_common.';
const FEDAVG: Part = {
  path: `${AC}workflows.fedavg.FedAvg`,
  args: { num_clients: 2, num_rounds: 3, aggregation_weights: {} },
};
const PERSISTOR: Part = { path: `${AC}np.np_model_persistor.NPModelPersistor`, args: { model: [[1, 2]] } };
const SELECTOR: Part = {
  path: `${AC}widgets.intime_model_selector.IntimeModelSelector`,
  args: { key_metric: 'loss', negate_key_metric: true, aggregation_weights: {} },
};
const CLIENT_API = {
  execution_mode: 'in_process',
  task_script_path: 'client.py',
  task_script_args: "--name 'a b'",
  params_exchange_format: 'numpy',
  server_expected_format: 'numpy',
};

interface Wish {
  readonly controller?: Part;
  readonly persistor?: Part;
  readonly more?: readonly Part[];
  readonly second?: Part;
  readonly client?: object;
  readonly components?: readonly Part[];
  readonly filters?: { readonly server?: readonly Part[]; readonly client?: readonly Part[] };
  readonly meta?: object;
  readonly files?: Readonly<Record<string, string>>;
}

/** What `python job.py --export` of nvflare 2.9 writes, with changes. */
async function exported({
  controller = FEDAVG,
  persistor = PERSISTOR,
  more = [],
  second,
  client = {},
  ...wish
}: Wish = {}): Promise<string> {
  const folder = join(root, `exported-${count++}`);
  const filters = (parts: readonly Part[] = []) =>
    parts.length > 0 ? [{ tasks: ['train'], filters: parts }] : [];
  const server = {
    format_version: 2,
    workflows: [controller, ...(second ? [second] : [])].map((part, at) => ({
      id: `controller${at}`,
      ...part,
    })),
    components: [
      persistor,
      SELECTOR,
      { path: `${AC}widgets.validation_json_generator.ValidationJsonGenerator` },
      ...more,
    ],
    task_data_filters: filters(wish.filters?.server),
    task_result_filters: [],
  };
  const clients = {
    format_version: 2,
    executors: [
      {
        tasks: ['*'],
        executor: {
          path: `${AC}executors.client_api_executor.ClientAPIExecutor`,
          args: { ...CLIENT_API, ...client },
        },
      },
    ],
    components: wish.components ?? [],
    task_data_filters: [],
    task_result_filters: filters(wish.filters?.client),
  };
  const meta = {
    name: 'hello',
    min_clients: 1,
    deploy_map: { app: ['server', 'site-1', 'site-2'] },
    ...wish.meta,
  };
  const files: Record<string, string> = {
    'meta.json': JSON.stringify(meta),
    'app/config/config_fed_server.json': JSON.stringify(server),
    'app/config/config_fed_client.json': JSON.stringify(clients),
    'app/custom/client.py': 'import nvflare.client as flare\n',
    ...wish.files,
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

async function imported(wish: Wish = {}) {
  const target = join(root, `job-${count++}`);
  const { notes } = await importNvflareJob(await exported(wish), target);
  const { definition, value } = await loadJob(target);
  return { target, notes, definition, value };
}

describe('a job that nvflare has exported', () => {
  it('keeps its script, and has its workflow, sites, metric and first model', async () => {
    const { target, value, definition } = await imported();
    expect(value.workflow).toMatchObject({
      type: 'fedavg',
      n_clients: 2,
      num_rounds: 3,
      key_metric: 'loss',
      key_metric_goal: 'minimize',
    });
    expect(value.workflow.min_clients).toBeUndefined();
    expect(definition.executor).toMatchObject({
      type: 'python',
      trainScript: 'custom/client.py',
      python: { framework: 'numpy', scriptArgs: ['--name', 'a b'], launchOnce: true, transferType: 'FULL' },
    });
    expect(definition.model).toMatchObject({ params: { numpy_key: { data: [[1, 2]], dtype: 'float32' } } });
    expect(existsSync(join(target, 'custom/client.py'))).toBe(true);
  });

  it.each([
    [
      'FedProx',
      { ...FEDAVG, args: { ...FEDAVG.args, fedprox_mu: 0.1 } },
      [],
      { type: 'fedprox', proximal_mu: 0.1 },
    ],
    [
      'some sites a round',
      { ...FEDAVG, args: { num_clients: 1 } },
      [],
      { clients_per_round: 1, num_rounds: 5 },
    ],
    [
      'the cyclic controller, whose round is a turn of all sites',
      { path: `${AC}workflows.cyclic_ctl.CyclicController`, args: { num_rounds: 3 } },
      [{ path: `${AC}shareablegenerators.full_model_shareable_generator.FullModelShareableGenerator` }],
      { type: 'cyclic', num_rounds: 6 },
    ],
    [
      'scatter and gather',
      { path: `${AC}workflows.scatter_and_gather.ScatterAndGather`, args: { min_clients: 2, num_rounds: 4 } },
      [],
      { type: 'fedavg', num_rounds: 4, min_clients: 2, wait_time_after_min_received: 10 },
    ],
    [
      'FedOpt',
      { path: `${AC}workflows.scatter_and_gather.ScatterAndGather`, args: { min_clients: 2 } },
      [
        {
          path: 'nvflare.app_opt.pt.fedopt.PTFedOptModelShareableGenerator',
          args: { optimizer_args: { path: 'torch.optim.SGD', args: { lr: 0.5, momentum: 0.6 } } },
        },
      ],
      { type: 'fedopt', server_optimizer: 'sgd', server_learning_rate: 0.5, server_momentum: 0.6 },
    ],
    [
      'SCAFFOLD',
      { path: `${AC}workflows.scaffold.Scaffold`, args: { num_clients: 2, num_rounds: 2 } },
      [],
      { type: 'scaffold', num_rounds: 2 },
    ],
  ] as const)('of %s has it here, too', async (_, controller, more, workflow) => {
    expect((await imported({ controller, more })).value.workflow).toMatchObject(workflow);
  });

  it('has cross-site evaluation where it follows the training', async () => {
    const second = { path: `${AC}workflows.cross_site_model_eval.CrossSiteModelEval`, args: {} };
    const { value, notes } = await imported({ second });
    expect(value.workflow).toMatchObject({ type: 'fedavg', cross_site_evaluation: true });
    expect(notes.join()).toContain('submit_model');
  });

  it('may start its script by a command, whose interpreter is left to the site', async () => {
    const client = {
      execution_mode: 'external_process',
      command: 'python3 -u custom/client.py --lr 0.1',
      launch_once: false,
      params_transfer_type: 'DIFF',
      params_exchange_format: 'pytorch',
    };
    expect((await imported({ client })).definition.executor.python).toMatchObject({
      framework: 'pytorch',
      scriptArgs: ['--lr', '0.1'],
      launchOnce: false,
      transferType: 'DIFF',
    });
  });

  it.each([
    'python3 -m torch.distributed.run --nnodes=1 --nproc_per_node=2 --master_port=7777 custom/client.py --lr 1',
    'torchrun --standalone --nnodes 1 --nproc-per-node 2 client.py --lr 1',
  ])('may start its script in several processes: %s', async (command) => {
    const { definition } = await imported({ client: { execution_mode: 'external_process', command } });
    expect(definition.executor).toMatchObject({
      trainScript: 'custom/client.py',
      python: { processes: 2, scriptArgs: ['--lr', '1'] },
    });
  });

  it('may stream its log, for which each site has a policy', async () => {
    const components = [{ path: `${AC}logging.job_log_streamer.JobLogStreamer` }];
    const more = [{ path: `${AC}logging.job_log_receiver.JobLogReceiver` }];
    expect((await imported({ components, more })).notes.join()).toContain('send_logs');
  });

  it('may give sites arguments of their own', async () => {
    const other = await exported({ client: { task_script_args: '--two' } });
    const { readFile } = await import('node:fs/promises');
    const config = await readFile(join(other, 'app/config/config_fed_client.json'), 'utf8');
    const { value } = await imported({
      meta: { deploy_map: { app: ['server', 'site-1'], app_two: ['site-2'] } },
      files: { 'app_two/config/config_fed_client.json': config },
    });
    expect(value.sites).toEqual({
      'site-1': { script_args: ['--name', 'a b'] },
      'site-2': { script_args: ['--two'] },
    });
  });

  it.each([
    [
      'a filter of the sites',
      { filters: { client: [{ path: `${AC}filters.svt_privacy.SVTPrivacy` }] } },
      /SVTPrivacy +site-1, site-2 +it is a filter/,
    ],
    [
      'a filter of the server',
      { filters: { server: [{ path: `${AC}filters.exclude_vars.ExcludeVars` }] } },
      /ExcludeVars +server/,
    ],
    [
      'encryption',
      { components: [{ path: 'nvflare.app_opt.he.model_encryptor.HEModelEncryptor' }] },
      /HEModelEncryptor/,
    ],
    [
      'swarm learning',
      { controller: { path: `${AC}ccwf.SwarmServerController` } },
      /SwarmServerController +server +there is no workflow without a server/,
    ],
    [
      'XGBoost',
      { controller: { path: 'nvflare.app_opt.xgboost.histogram_based_v2.fed_controller.XGBFedController' } },
      /XGBFedController/,
    ],
    [
      'its own controller',
      { controller: { path: 'mine.FedAvg' } },
      /FedAvg +server +its workflow is not known/,
    ],
    ['a component that nobody knows', { more: [{ path: 'mine.Widget' }] }, /Widget +server/],
    ['an argument that nobody knows', { controller: { ...FEDAVG, args: { depth: 1 } } }, /FedAvg\(depth\)/],
    [
      'an early stop',
      { controller: { ...FEDAVG, args: { stop_cond: 'accuracy >= 80' } } },
      /FedAvg\(stop_cond\)/,
    ],
    [
      'weights of sites',
      { controller: { ...FEDAVG, args: { aggregation_weights: { 'site-1': 2 } } } },
      /aggregation_weights/,
    ],
    [
      "torch's Adam at the server",
      {
        controller: { path: `${AC}workflows.scatter_and_gather.ScatterAndGather` },
        more: [
          {
            path: 'nvflare.app_opt.pt.fedopt.PTFedOptModelShareableGenerator',
            args: { optimizer_args: { path: 'torch.optim.Adam' } },
          },
        ],
      },
      /torch\.optim\.Adam/,
    ],
    [
      'another program',
      { client: { execution_mode: 'external_process', command: 'bash custom/run.sh' } },
      /a job names no program \(bash\)/,
    ],
    [
      'a launcher',
      {
        client: {
          execution_mode: 'external_process',
          command: 'python3 -m accelerate.launch custom/client.py',
        },
      },
      /a launcher \(python -m accelerate\.launch\)/,
    ],
    [
      'ranks on several machines',
      { client: { execution_mode: 'external_process', command: 'torchrun --nnodes=2 custom/client.py' } },
      /--nnodes=2 of torchrun/,
    ],
    [
      'a model that is no class of the job',
      {
        more: [
          { path: 'nvflare.app_opt.tf.model_persistor.TFModelPersistor', args: { model: { path: 'Net' } } },
        ],
      },
      /TFModelPersistor\(model\)/,
    ],
    ['a trainer that waits elsewhere', { client: { execution_mode: 'attach' } }, /execution_mode/],
  ] as const)('is refused as a whole with %s', async (_, wish, line) => {
    const target = join(root, `job-${count++}`);
    const thrown = await importNvflareJob(await exported(wish as Wish), target).catch(
      (error: unknown) => error,
    );
    expect(thrown).toMatchObject({ code: 'NF_IMPORT_UNKNOWN', message: expect.stringMatching(line) });
    expect(existsSync(target)).toBe(false);
  });

  it('names all that it cannot be, at once', async () => {
    const wish = { more: [{ path: 'a.One' }, { path: 'b.Two' }], components: [{ path: 'c.Three' }] };
    const thrown = await importNvflareJob(await exported(wish), join(root, 'never')).catch(
      (error: unknown) => error,
    );
    for (const part of ['One', 'Two', 'Three'])
      expect(thrown).toMatchObject({ message: expect.stringContaining(`\n  ${part}`) });
  });

  it.each([
    ['no meta.json', { meta: {} }, 'meta.json'],
    [
      'HOCON',
      { files: { 'app/config/config_fed_server.conf': 'a = 1' } },
      'app/config/config_fed_server.json',
    ],
    ['a broken configuration', { files: { 'app/config/config_fed_client.json': '{' } }, undefined],
    [
      'another version of it',
      { files: { 'app/config/config_fed_client.json': '{"format_version": 1}' } },
      undefined,
    ],
  ])('is refused with %s', async (_, wish, without) => {
    const folder = await exported(wish);
    const { rm } = await import('node:fs/promises');
    if (without !== undefined) await rm(join(folder, without));
    await expect(importNvflareJob(folder, join(root, 'never'))).rejects.toMatchObject({
      code: 'NF_IMPORT_FOLDER',
    });
    expect(existsSync(join(root, 'never'))).toBe(false);
  });

  it('is imported on the fly below the workspace, anew each time', async () => {
    const folder = await exported();
    const told: string[] = [];
    const options = {
      workspace: join(root, 'work'),
      isResumed: false,
      tell: (note: string) => void told.push(note),
    };
    const first = await jobFolderOf(folder, options);
    expect(await jobFolderOf(folder, options)).toBe(first);
    expect((await loadJob(first)).definition.name).toBe('hello');
    expect(told[0]).toContain('as fedavg');
    expect(await jobFolderOf(first, options)).toBe(first);
  });
});

describe('a folder of nvflare that somebody else has made', () => {
  const secret = join(root, 'secret');
  const refusal = (reason: RegExp) => ({ code: 'NF_IMPORT_FOLDER', message: expect.stringMatching(reason) });
  const importing = async (folder: string) => importNvflareJob(folder, join(root, `job-${count++}`));
  const linked = async (path: string, to: string) => {
    const folder = await exported();
    await rm(join(folder, path), { recursive: true });
    await symlink(to, join(folder, path));
    return folder;
  };

  beforeAll(async () => {
    await mkdir(join(secret, 'custom'), { recursive: true });
    await writeFile(join(secret, 'custom/id_rsa'), 'private');
    await cp(join(await exported(), 'app/config'), join(secret, 'config'), { recursive: true });
  });

  it.each([
    ['an app above it', () => exported({ meta: { deploy_map: { '../secret': ['@ALL'] } } }), /leads out/],
    [
      'an app by its whole path',
      () => exported({ meta: { deploy_map: { [secret]: ['@ALL'] } } }),
      /leads out/,
    ],
    ['code that is a link', () => linked('app/custom', join(secret, 'custom')), /is a link/],
    ['an app that is a link', () => linked('app', secret), /is a link/],
    ['a description that is a link', () => linked('meta.json', join(secret, 'config')), /is a link/],
    [
      'a description of 100,000 levels',
      () => exported({ files: { 'meta.json': `${'['.repeat(100_000)}${']'.repeat(100_000)}` } }),
      /nested/,
    ],
  ])('is refused with %s', async (_, make, reason) => {
    await expect(importing(await make())).rejects.toMatchObject(refusal(reason));
  });

  it('is not sent with a model from elsewhere on this machine', async () => {
    const model = join(secret, 'custom/id_rsa');
    const given = { path: PERSISTOR.path, args: { source_ckpt_file_full_name: model } };
    const folder = await exported({ persistor: given });
    await expect(
      withJobFolder(
        folder,
        () => undefined,
        async () => undefined,
      ),
    ).rejects.toMatchObject(refusal(/outside its folder/));
  });

  it('removes nothing behind a link of the workspace', async () => {
    const [workspace, folder] = [join(root, 'linked-workspace'), await exported()];
    const kept = join(root, 'kept', basename(folder));
    await mkdir(kept, { recursive: true });
    await mkdir(workspace);
    await symlink(join(root, 'kept'), join(workspace, '.imported'));
    const simulated = jobFolderOf(folder, { workspace, isResumed: false, tell: () => undefined });
    await expect(simulated).rejects.toMatchObject({ code: 'NF_PATH_LINK' });
    expect(existsSync(kept)).toBe(true);
  });
});
