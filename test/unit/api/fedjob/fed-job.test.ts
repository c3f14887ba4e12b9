import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  BuiltModel,
  Cyclic,
  ExcludeVars,
  FedAvg,
  FedBuff,
  FedJob,
  FedNova,
  FedOpt,
  FedProx,
  InitialParams,
  NormClip,
  Scaffold,
  ScriptRunner,
  Workflow,
} from '../../../../src/api/main.ts';
import { loadSubmittedJob } from '../../../../src/runtime/federation/submitted-job.ts';
import { readBundle } from '../../../../src/runtime/job/bundle.ts';
import { loadJob } from '../../../../src/runtime/job/load.ts';
import { TINY_SCRIPT, writeJob } from '../../../support/job-folder.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
const at = (...path: string[]) => join(root, ...path);
const SCRIPT = at('code', 'client', 'train.ts');
let count = 0;

beforeAll(async () => {
  await mkdir(at('code', 'client'), { recursive: true });
  await mkdir(at('code', 'shared'));
  await writeFile(SCRIPT, TINY_SCRIPT);
  await writeFile(at('code', 'client', 'other.ts'), TINY_SCRIPT);
});

const workflow = (more: object = {}) =>
  new FedAvg({ numRounds: 2, numClients: 2, keyMetric: 'accuracy', ...more });
const runner = (more: object = {}) =>
  new ScriptRunner({ script: SCRIPT, scriptArgs: { step: 1 }, framework: 'numpy', ...more });

/** The job of `TINY_JOB`, but for its runners. */
function tiny(options: object = {}): FedJob {
  const job = new FedJob({ name: 'tiny', seed: 7, ...options });
  job.toServer(workflow());
  job.toServer(new InitialParams({ weights: { dtype: 'float32', data: [1, 2, 3, 4] } }));
  return job;
}

const exported = async (job: FedJob) => loadJob(await job.exportJob(at(`job-${count++}`)));

describe('a FedJob', () => {
  it('is the definition that a job file gives', async () => {
    const job = tiny();
    job.toClients(runner({ script: at('code', 'client', 'train.ts') }));
    const written = await loadJob(await writeJob(at('written')));
    const { definition } = await exported(job);
    const trainScript = 'train.ts';
    expect(definition).toEqual({
      ...written.definition,
      executor: { ...written.definition.executor, trainScript },
    });
  });

  it('has filters of results, in the order in which they were given, for all clients', async () => {
    const job = tiny();
    job.toClients(runner({ script: at('code', 'client', 'train.ts') }));
    job.toClients(new NormClip({ maxNorm: 2 }));
    job.to(new ExcludeVars({ excludeVars: ['head.*', 'norm'] }), '@ALL');
    expect((await exported(job)).definition.resultFilters).toEqual([
      { name: 'norm_clip', max_norm: 2 },
      { name: 'exclude_vars', exclude_vars: ['head.*', 'norm'] },
    ]);
    for (const target of ['site-1', 'server'])
      expect(() => job.to(new NormClip({ maxNorm: 2 }), target)).toThrow(
        expect.objectContaining({ code: 'NF_FEDJOB_TARGET', message: expect.stringContaining('NormClip') }),
      );
  });

  it('has every key of a workflow under its name in camelCase', async () => {
    const job = new FedJob({ name: 'all', resources: { cpus: 2, memoryGb: 4 }, description: 'all keys' });
    const options = {
      numRounds: 2,
      numClients: 5,
      minClients: 3,
      mandatoryClients: ['site-1'],
      clientsPerRound: 3,
      overSelection: 1.5,
      waitTimeAfterMinReceived: 4,
      siteTimeout: 5,
      keyMetric: 'loss',
      keyMetricGoal: 'minimize',
      maxWeightRatio: 50,
      aggregator: 'trimmed_mean',
      trimRatio: 0.4,
      localTensors: ['logits/*'],
      crossSiteEvaluation: true,
      earlyStoppingPatience: 2,
      earlyStoppingMinDelta: 0.01,
      emaDecay: 0.9,
    } as const;
    job.toServer(new FedAvg(options));
    job.toServer(new BuiltModel({ type: 'mri-cnn', image_size: 32, classes: ['a', 'b'] }));
    job.toClients(runner({ taskTimeout: 9, framework: 'tfjs' }));
    const { definition, value } = await exported(job);
    const {
      numClients: clients,
      mandatoryClients: mandatory,
      aggregator,
      trimRatio: trim_ratio,
      localTensors,
      crossSiteEvaluation,
      earlyStoppingPatience: early_stopping_patience,
      earlyStoppingMinDelta: early_stopping_min_delta,
      emaDecay: ema_decay,
      ...rest
    } = options;
    expect(definition.workflow).toEqual({
      ...rest,
      clients,
      mandatory,
      type: 'fedavg',
      options: {
        aggregator,
        trim_ratio,
        byzantine_clients: 1,
        clip_norm: 'median',
        harmonisation: 'none',
        local_tensors: localTensors,
        cross_site_evaluation: crossSiteEvaluation,
        personalize_rounds: 0,
        personalize_tensors: [],
        final_evaluation: false,
        train_alone: true,
        early_stopping_patience,
        early_stopping_min_delta,
        ema_decay,
      },
    });
    expect(definition.executor).toMatchObject({ taskTimeout: 9 });
    expect(value.executor.framework).toBe('tfjs');
    expect(definition.resources).toEqual({ cpus: 2, memoryGb: 4, gpus: 0 });
    expect(definition.model).toEqual({
      kind: 'built',
      spec: { type: 'mri-cnn', image_size: 32, classes: ['a', 'b'] },
    });
  });

  it.each([
    [
      new FedOpt({ numRounds: 2, serverOptimizer: 'adam', serverLearningRate: 0.1, serverTau: 0.01 }),
      {
        type: 'fedopt',
        options: {
          server_optimizer: 'adam',
          server_learning_rate: 0.1,
          server_momentum: 0.9,
          server_beta2: 0.99,
          server_tau: 0.01,
        },
      },
    ],
    [new Cyclic({ numRounds: 2 }), { type: 'cyclic', options: {} }],
    [new FedProx({ numRounds: 2, proximalMu: 0.5 }), { type: 'fedprox', options: { proximal_mu: 0.5 } }],
    [
      new FedBuff({ numRounds: 2, bufferSize: 1 }),
      { type: 'fedbuff', options: { buffer_size: 1, max_staleness: 10, server_learning_rate: 1 } },
    ],
    [
      new FedNova({ numRounds: 2, crossSiteEvaluation: true }),
      { type: 'fednova', options: { cross_site_evaluation: true } },
    ],
    [
      new Scaffold({ numRounds: 2, scaffoldOption: 1 }),
      { type: 'scaffold', options: { scaffold_option: 1 } },
    ],
    [
      new Workflow('fedopt', { numRounds: 2, serverOptimizer: 'yogi' }),
      { type: 'fedopt', options: { server_optimizer: 'yogi' } },
    ],
  ])('takes %o', async (workflow, expected) => {
    const job = new FedJob({ name: 'other' });
    job.toServer(workflow);
    job.toServer(new InitialParams({ weights: [1, 2] }));
    job.toClients(runner());
    expect((await exported(job)).definition.workflow).toMatchObject(expected);
  });

  it('takes the keys of its type alone, and their values', () => {
    // @ts-expect-error is no key of fedavg
    new FedAvg({ numRounds: 2, serverOptimizer: 'adam' });
    // @ts-expect-error is no optimizer
    new FedOpt({ numRounds: 2, serverOptimizer: 'lion' });
    // @ts-expect-error is needed
    new Workflow('cyclic', {});
    // @ts-expect-error is no type
    new Workflow('fedmagic', { numRounds: 2 });
  });

  it('tells paths from its own folder, wherever that is', async () => {
    const job = new FedJob({ name: 'paths', data: { root: at('bids'), split: at('split.json') } });
    job.toServer(workflow());
    job.toServer(new InitialParams(at('first.safetensors')));
    job.toClients(runner());
    const { definition, value } = await exported(job);
    expect(value.data).toEqual({ root: '../bids', split: '../split.json' });
    expect(definition.data).toEqual({ root: at('bids'), split: at('split.json') });
    expect(definition.model).toEqual({ kind: 'initial', params: at('first.safetensors') });
  });

  it('can be submitted once it is exported', async () => {
    const job = tiny();
    job.toClients(runner());
    const { folder } = await exported(job);
    const { bundle } = await loadSubmittedJob(folder, {
      modelComesApart: false,
      mostModelBytes: 1e9,
    });
    expect(bundle.files.map(({ path }) => path)).toEqual(['job.yaml', 'train.ts']);
  });
});

describe('the runners of sites', () => {
  const given = async (runners: Readonly<Record<string, ScriptRunner>>, ofAll?: ScriptRunner) => {
    const job = tiny();
    if (ofAll) job.toClients(ofAll);
    for (const [site, one] of Object.entries(runners)) job.to(one, site);
    return (await exported(job)).definition;
  };

  it('that are alike are one', async () => {
    const { executor, siteArgs } = await given({ 'site-1': runner(), 'site-2': runner() });
    expect(executor.args).toEqual({ step: 1 });
    expect(siteArgs).toEqual({});
  });

  it('may differ in arguments', async () => {
    const { executor, siteArgs } = await given({
      'site-2': runner({ scriptArgs: { step: 1, rate: 3 } }),
      'site-1': runner({ scriptArgs: { step: 1, rate: 2, more: [1] } }),
    });
    expect(executor.args).toEqual({ step: 1 });
    expect(siteArgs).toEqual({ 'site-1': { rate: 2, more: [1] }, 'site-2': { rate: 3 } });
  });

  it('go before the one of all clients', async () => {
    const { executor, siteArgs } = await given({ 'site-2': runner({ scriptArgs: { step: 5 } }) }, runner());
    expect(executor.args).toEqual({ step: 1 });
    expect(siteArgs).toEqual({ 'site-2': { step: 5 } });
  });

  it('may share what they are given, at any number of sites', async () => {
    const shared = { layers: [1, 2], rates: { first: 0.1 } };
    const sites = Array.from({ length: 150 }, (_, at) => `site-${at + 1}`);
    const job = new FedJob({ name: 'many' });
    job.toServer(new FedAvg({ numRounds: 1 }));
    job.toServer(new InitialParams({ weights: [1] }));
    for (const [at_, site] of sites.entries())
      job.to(runner({ scriptArgs: { shared: at_ < 2 ? 0 : shared } }), site);
    const { siteArgs, workflow: written } = (await exported(job)).definition;
    expect(written.clients).toBe(150);
    expect(siteArgs['site-150']).toEqual({ shared });
  });

  it('with other names name the sites', async () => {
    const { siteArgs } = await given({ north: runner(), south: runner() });
    expect(siteArgs).toEqual({ north: {}, south: {} });
  });

  it('are as many as the clients if those are not counted', async () => {
    const job = new FedJob({ name: 'counted' });
    job.toServer(new FedAvg({ numRounds: 1 }));
    job.toServer(new InitialParams({ weights: [1] }));
    for (const site of ['site-1', 'site-2', 'site-3']) job.to(runner(), site);
    expect((await exported(job)).definition.workflow.clients).toBe(3);
  });
});

describe('a script', () => {
  it('brings the files it imports, and theirs', async () => {
    await writeFile(
      at('code', 'client', 'main.ts'),
      "import { a } from '../shared/a.ts';\nconsole.log(a);\n",
    );
    await writeFile(at('code', 'shared', 'a.ts'), "// from './nowhere.ts'\nexport * from './b.ts';\n");
    await writeFile(at('code', 'shared', 'b.ts'), 'export const a = 1;\n');
    await writeFile(at('code', 'shared', 'table.csv'), '1,2\n');
    const job = tiny();
    job.toClients(runner({ script: at('code', 'client', 'main.ts') }));
    job.addFileToClients(at('code', 'shared', 'table.csv'));
    const { folder, definition } = await exported(job);
    expect(definition.executor.trainScript).toBe('client/main.ts');
    const { files } = await readBundle(folder);
    expect(files.map(({ path }) => path)).toEqual([
      ...['client/main.ts', 'job.yaml', 'shared/a.ts', 'shared/b.ts', 'shared/table.csv'],
    ]);
    expect(await readFile(join(folder, 'shared/table.csv'), 'utf8')).toBe('1,2\n');
  });
});

describe('what a job file cannot say', () => {
  const whole = (change: (job: FedJob) => void) => {
    const job = tiny();
    change(job);
    return job;
  };
  const two = (one: object, other: object) =>
    whole((job) => {
      job.to(runner(one), 'site-1');
      job.to(runner(other), 'site-2');
    });
  const other = at('code', 'client', 'other.ts');

  it.each([
    ['another script', () => two({}, { script: other }), 'NF_FEDJOB_RUNNERS', 'site-2 runs'],
    ['another framework', () => two({}, { framework: 'tfjs' }), 'NF_FEDJOB_RUNNERS', 'framework tfjs'],
    ['another limit', () => two({}, { taskTimeout: 3 }), 'NF_FEDJOB_RUNNERS', 'taskTimeout 3'],
    [
      'an argument less than all',
      () =>
        whole((job) => {
          job.toClients(runner());
          job.to(runner({ scriptArgs: {} }), 'site-1');
        }),
      'NF_FEDJOB_RUNNERS',
      "leaves out the argument 'step'",
    ],
    [
      'a client without a runner',
      () => whole((job) => job.to(runner(), 'site-1')),
      'NF_FEDJOB_SITES',
      'site-1 only, but is to run at 2 clients',
    ],
    [
      'a script that is not there',
      () => whole((job) => job.toClients(runner({ script: 'nowhere.ts' }))),
      'NF_PATH_MISSING',
      'nowhere.ts',
    ],
    ['no runner', () => tiny(), 'NF_JOB_INVALID', "'executor' is missing"],
    [
      'a word that is none',
      () => {
        const job = new FedJob({ name: 'tiny' });
        job.toServer(workflow({ numRound: 3 }));
        job.toServer(new InitialParams({ weights: [1] }));
        job.toClients(runner());
        return job;
      },
      'NF_JOB_INVALID',
      "unknown key 'workflow.num_round'. Did you mean 'num_rounds'?",
    ],
  ] as const)('is refused: %s', async (_what, make, code, says) => {
    const [folder, work] = [at(`refused-${count++}`), at('refused-work')];
    const says_ = expect.stringContaining(says);
    const job = make();
    await expect(job.exportJob(folder)).rejects.toMatchObject({ code, message: says_ });
    await expect(job.simulatorRun(work)).rejects.toMatchObject({ code, message: says_ });
    expect([existsSync(folder), existsSync(work)]).toEqual([false, false]);
  });

  it('is refused at once if it goes to the wrong place, or twice', () => {
    const job = tiny();
    job.toClients(runner());
    const code = 'NF_FEDJOB_TARGET';
    expect(() => job.toServer(workflow())).toThrow(expect.objectContaining({ code }));
    expect(() => job.toServer(new InitialParams({ weights: [1] }))).toThrow(/a model already/);
    expect(() => job.toClients(runner())).toThrow(/all clients: there is one already/);
    expect(() => job.to(runner(), 'server')).toThrow(/ScriptRunner cannot be given to the server/);
    expect(() => job.to(workflow(), 'site-1')).toThrow(/only a ScriptRunner and filters are for sites/);
  });

  it('is a site of the options that has no runner', async () => {
    const job = whole((one) => {
      one.to(runner(), 'site-1');
      one.to(runner(), 'site-2');
    });
    const code = 'NF_FEDJOB_SITES';
    await expect(job.simulatorRun(at('none'), { nClients: 3 })).rejects.toMatchObject({ code });
    await expect(job.simulatorRun(at('none'), { clients: ['site-1', 'x'] })).rejects.toMatchObject({ code });
  });

  it('is a definition of a megabyte: such parameters belong into a file', async () => {
    const job = new FedJob({ name: 'large' });
    job.toServer(workflow());
    job.toServer(new InitialParams({ weights: Array.from({ length: 200_000 }, (_, at) => at) }));
    job.toClients(runner());
    const refusal = expect.objectContaining({
      code: 'NF_JOB_YAML',
      message: expect.stringContaining('bytes'),
    });
    await expect(job.exportJob(at('large'))).rejects.toEqual(refusal);
    await expect(job.simulatorRun(at('none'))).rejects.toEqual(refusal);
  });

  it('names the key of a wrong value, and no file, for there is none', async () => {
    const job = new FedJob({ name: 'tiny' });
    job.toServer(workflow({ numRounds: 0 }));
    job.toServer(new InitialParams({ weights: [1] }));
    job.toClients(runner());
    const refusal = await job.simulatorRun(at('none')).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'NF_JOB_INVALID', place: { key: 'workflow.num_rounds' } });
    expect(refusal).not.toHaveProperty('place.file');
  });
});

describe('a run of a program', () => {
  it('can be taken up where it stopped, to the same bytes', async () => {
    const make = () => {
      const job = tiny();
      job.toClients(runner());
      return job;
    };
    const whole = await make().simulatorRun(at('whole'));
    const stop = new AbortController();
    const cut = make().simulatorRun(at('cut'), {
      signal: stop.signal,
      onEvent: ({ type }) => type === 'round.closed' && stop.abort(),
    });
    await expect(cut).rejects.toThrow();
    const resumed = await make().simulatorRun(at('cut'), { resume: true });
    const bytes = ({ final }: typeof whole) => readFile(final?.file ?? '');
    expect((await bytes(resumed)).equals(await bytes(whole))).toBe(true);
  });
});
