import { mkdirSync, symlinkSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe } from 'vitest';
import { stringify } from 'yaml';
import { type JobParts, type JobPatch, TINY_JOB, writeJob } from '../support/job-folder.ts';
import { type Refusal, refusalsIn } from '../support/refusals.ts';
import { tempFolder } from '../support/temp-folder.ts';

const cwd = tempFolder();
const at = (...path: string[]) => join(cwd, ...path);
const { table } = refusalsIn(cwd);

interface BadJob {
  readonly what: string;
  readonly parts: JobParts;
  readonly code: string;
  readonly says: string;
  /** Its line and column in job.yaml. */
  readonly line?: number;
  readonly column?: number;
  readonly key?: string;
}

const yaml = stringify(TINY_JOB);
const ofYaml = (text: string | Uint8Array): JobParts => ({ files: { 'job.yaml': text } });
const edited = (from: string, to: string) => ofYaml(yaml.replace(from, to));
const initial = (params: unknown) => ({ patch: { model: { initial_params: params } } });

/** In the order of the checks. The job's text begins `version`, `name`, `workflow`, `  type`, `  n_clients`, `  num_rounds`. */
const filters = (...list: unknown[]) => ({ patch: { task_result_filters: list } });
const PRIVACY = { epsilon: 8, delta: 1e-4, sampling_rate: 0.1, steps_per_round: 5, metrics: 'outside' };
const NETWORK = { model: { initial_params: undefined, type: 'mri-cnn', image_size: 16, num_classes: 2 } };
const priv = (keys: object, patch: JobPatch = {}): JobParts => ({
  patch: { ...patch, privacy: { ...PRIVACY, ...keys } },
});
const JOBS: readonly BadJob[] = [
  {
    what: 'a filter that there is not',
    parts: filters({ name: 'exclude_var', exclude_vars: 'a' }),
    code: 'NF_JOB_INVALID',
    says: 'must be one of "exclude_vars", "norm_clip", "float16", "int8", "top_k". Did you mean \'exclude_vars\'?',
    key: 'task_result_filters.0.name',
  },
  {
    what: 'a filter without a name',
    parts: filters({ max_norm: 1 }),
    code: 'NF_JOB_INVALID',
    says: 'is missing: must be one of "exclude_vars", "norm_clip", "float16", "int8", "top_k"',
  },
  {
    what: 'a filter without what it needs',
    parts: filters({ name: 'norm_clip' }),
    code: 'NF_JOB_INVALID',
    says: 'max_norm',
  },
  {
    what: 'a filter with what it does not know',
    parts: filters({ name: 'norm_clip', max_norm: 1, clip: 2 }),
    code: 'NF_JOB_INVALID',
    says: 'clip',
  },
  {
    what: 'a filter that excludes nothing of its model',
    parts: filters({ name: 'exclude_vars', exclude_vars: ['conv*'] }),
    code: 'NF_JOB_FILTER',
    says: 'conv*',
    line: 25,
  },
  {
    what: 'a filter that leaves nothing of its model',
    parts: filters({ name: 'norm_clip', max_norm: 1 }, { name: 'exclude_vars', exclude_vars: 'w*' }),
    code: 'NF_JOB_FILTER',
    says: 'no array is left',
    key: 'task_result_filters.1',
  },
  {
    what: 'a private job of arrays',
    parts: priv({}),
    code: 'NF_PRIVACY_PLAN',
    says: 'the job begins with arrays',
    key: 'model',
  },
  {
    what: 'a private job with epsilon and noise',
    parts: priv({ noise: 1 }, NETWORK),
    code: 'NF_PRIVACY_PLAN',
    says: 'it has epsilon and noise',
    key: 'privacy.noise',
  },
  {
    what: 'a private job with neither',
    parts: priv({ epsilon: undefined }, NETWORK),
    code: 'NF_PRIVACY_PLAN',
    says: 'neither epsilon nor noise',
    key: 'privacy.epsilon',
  },
  {
    what: 'a private job whose noise cannot be enough',
    parts: priv({ epsilon: 1e-12, sampling_rate: 1, steps_per_round: 100_000 }, NETWORK),
    code: 'NF_PRIVACY_PLAN',
    says: 'no noise keeps 200000 steps at a rate of 1 to an epsilon of 1e-12',
    key: 'privacy.epsilon',
  },
  {
    what: 'a private job with epochs',
    parts: priv({}, { ...NETWORK, executor: { args: { epochs: 2 } } }),
    code: 'NF_PRIVACY_EPOCHS',
    says: 'executor.args.epochs: an epoch shows each group once',
    key: 'executor.args.epochs',
  },
  {
    what: 'a private job of a workflow that is not counted',
    parts: priv({}, { ...NETWORK, workflow: { type: 'scaffold' } }),
    code: 'NF_PRIVACY_PLAN',
    says: 'in scaffold a site gives more than one model a round',
    key: 'workflow.type',
  },
  {
    what: 'a private job that looks at pictures beside its steps',
    parts: priv({}, { ...NETWORK, workflow: { personalize_rounds: 1 } }),
    code: 'NF_PRIVACY_PLAN',
    says: 'workflow.personalize_rounds looks at pictures',
    key: 'workflow.personalize_rounds',
  },
  ...(
    [
      ['epsilon', 0, 'more than 0'],
      ['epsilon', 101, 'at most 100'],
      ['delta', 0, 'at least'],
      ['delta', 1, 'at most 0.1'],
      ['clip', 0, 'more than 0'],
      ['sampling_rate', 1.5, 'at most 1'],
      ['sampling_rate', 0, 'more than 0'],
      ['steps_per_round', 0.5, 'whole number'],
      ['rows_per_group', 65, 'at most 64'],
      ['unit', 'image', 'must be "group"'],
      ['metrics', 'noisy', 'must be one of "none", "outside"'],
    ] as const
  ).map(([key, value, says]) => ({
    what: `a private job with ${key} ${value}`,
    parts: priv({ [key]: value }, NETWORK),
    code: 'NF_JOB_INVALID',
    says,
    key: `privacy.${key}`,
  })),
  {
    what: 'two filters that pack',
    parts: filters({ name: 'float16' }, { name: 'int8' }),
    code: 'NF_JOB_INVALID',
    says: 'float16 packs what is sent: it must be the last filter',
    key: 'task_result_filters.0',
  },
  {
    what: 'a bound beside what may break it',
    parts: filters({ name: 'norm_clip', max_norm: 1 }, { name: 'top_k' }),
    code: 'NF_JOB_INVALID',
    says: 'norm_clip has no meaning beside top_k',
    key: 'task_result_filters.0',
  },
  {
    what: 'error feedback beside models of the sites themselves',
    parts: {
      patch: { workflow: { personalize_rounds: 1 }, task_result_filters: [{ name: 'top_k' }] },
    },
    code: 'NF_JOB_FILTER',
    says: 'take float16 or int8',
    key: 'task_result_filters.0',
  },
  {
    what: 'a share of none',
    parts: filters({ name: 'top_k', ratio: 0 }),
    code: 'NF_JOB_INVALID',
    says: 'ratio',
    key: 'task_result_filters.0.ratio',
  },
  { what: 'text', parts: ofYaml('not a job'), code: 'NF_JOB_INVALID', says: 'the job', line: 1 },
  { what: 'nothing', parts: ofYaml(''), code: 'NF_JOB_INVALID', says: 'the job' },
  { what: 'bytes', parts: ofYaml(Uint8Array.of(0xff, 0xfe, 0, 1)), code: 'NF_JOB_YAML', says: 'UTF-8' },
  { what: 'a tab', parts: edited('  type', '\ttype'), code: 'NF_JOB_YAML', says: 'ab', line: 4 },
  {
    what: 'an open bracket',
    parts: edited('fedavg', '[fedavg'),
    code: 'NF_JOB_YAML',
    says: 'Correct job.yaml',
    line: 5,
  },
  {
    what: 'a key twice',
    parts: edited('  n_clients: 2\n', '  n_clients: 2\n  n_clients: 3\n'),
    code: 'NF_JOB_YAML',
    says: 'stands twice',
    line: 6,
    column: 3,
  },
  { what: 'aliases without end', parts: ofYaml(bomb()), code: 'NF_JOB_YAML', says: 'alias' },
  {
    what: 'two megabytes',
    parts: ofYaml(`${yaml}# ${'x'.repeat(2_000_000)}\n`),
    code: 'NF_JOB_YAML',
    says: 'bytes',
  },
  {
    what: 'a version to come',
    parts: edited('version: 1', 'version: 2'),
    code: 'NF_JOB_INVALID',
    says: 'version',
    line: 1,
    column: 10,
    key: 'version',
  },
  {
    what: 'a name with /',
    parts: edited('name: tiny', 'name: ../tiny'),
    code: 'NF_JOB_INVALID',
    says: "'name'",
    line: 2,
    column: 7,
    key: 'name',
  },
  {
    what: 'an unknown key',
    parts: edited('num_rounds', 'num_round'),
    code: 'NF_JOB_INVALID',
    says: "Did you mean 'num_rounds'?",
    line: 6,
    column: 3,
    key: 'workflow.num_round',
  },
  {
    what: 'a missing key',
    parts: edited('  num_rounds: 2\n', ''),
    code: 'NF_JOB_INVALID',
    says: "'workflow.num_rounds' is missing",
    line: 3,
    key: 'workflow.num_rounds',
  },
  {
    what: 'a word for a number',
    parts: edited('num_rounds: 2', 'num_rounds: two'),
    code: 'NF_JOB_INVALID',
    says: 'workflow.num_rounds',
    line: 6,
    column: 15,
    key: 'workflow.num_rounds',
  },
  {
    what: 'half a round',
    parts: edited('num_rounds: 2', 'num_rounds: 1.5'),
    code: 'NF_JOB_INVALID',
    says: 'workflow.num_rounds',
    line: 6,
    column: 15,
  },
  {
    what: 'no round',
    parts: edited('num_rounds: 2', 'num_rounds: 0'),
    code: 'NF_JOB_INVALID',
    says: 'workflow.num_rounds',
    line: 6,
    column: 15,
  },
  {
    what: 'another workflow',
    parts: edited('type: fedavg', 'type: fedavgg'),
    code: 'NF_JOB_INVALID',
    says: "Did you mean 'fedavg'?",
    line: 4,
    column: 9,
    key: 'workflow.type',
  },
  {
    what: 'a list for a map',
    parts: { patch: { sites: ['site-1'] } },
    code: 'NF_JOB_INVALID',
    says: "'sites'",
    key: 'sites',
  },
  {
    what: '__proto__',
    parts: edited('version: 1', 'version: 1\n__proto__: { seed: 1 }'),
    code: 'NF_JOB_YAML',
    says: '__proto__',
    line: 2,
  },
  {
    what: 'more least clients than clients',
    parts: { patch: { workflow: { min_clients: 3 } } },
    code: 'NF_JOB_INVALID',
    says: 'more than n_clients',
    key: 'workflow.min_clients',
  },
  {
    what: 'a site that does not take part',
    parts: { patch: { sites: { 'site-9': {} } } },
    code: 'NF_JOB_SITES',
    says: 'site-9',
    key: 'sites.site-9',
  },
  {
    what: 'a mandatory stranger',
    parts: { patch: { workflow: { mandatory_clients: ['site-3'] } } },
    code: 'NF_JOB_SITES',
    says: 'site-3',
    key: 'workflow.mandatory_clients',
  },
  {
    what: 'no script',
    parts: { patch: { executor: { train_script: 'client/tran.ts' } } },
    code: 'NF_JOB_SCRIPT_MISSING',
    says: "'client/train.ts'?",
    key: 'executor.train_script',
  },
  {
    what: 'a script outside',
    parts: { patch: { executor: { train_script: '../train.ts' } } },
    code: 'NF_JOB_SCRIPT_MISSING',
    says: '../train.ts',
    key: 'executor.train_script',
  },
  {
    what: 'no first model',
    parts: initial('none.safetensors'),
    code: 'NF_JOB_DATA',
    says: 'none.safetensors',
    key: 'model.initial_params',
  },
  {
    what: 'a first model that is none',
    parts: initial('job.yaml'),
    code: 'NF_TENSORS_FILE',
    says: 'safetensors',
  },
  {
    what: 'ragged arrays',
    parts: initial({ weights: { data: [[1], [2, 3]] } }),
    code: 'NF_JOB_INVALID',
    says: 'weights',
  },
  {
    what: 'words for numbers',
    parts: initial({ weights: { data: ['x'] } }),
    code: 'NF_JOB_INVALID',
    says: 'weights',
  },
  {
    what: 'another shape than its numbers',
    parts: initial({ weights: { shape: [3], data: [1, 2] } }),
    code: 'NF_JOB_INVALID',
    says: 'weights',
  },
];

/** Ten aliases in each of ten lists: 10^10 values. */
function bomb(): string {
  const lines = Array.from(
    { length: 10 },
    (_, level) => `a${level + 1}: &a${level + 1} [${Array(10).fill(`*a${level}`).join(', ')}]`,
  );
  return ['a0: &a0 [1]', ...lines, ''].join('\n');
}

const nameOf = (what: string) => `job-${what.replaceAll(/\W+/g, '-')}`;

describe('a job of', () => {
  beforeAll(async () => {
    for (const { what, parts } of JOBS) await writeJob(at(nameOf(what)), parts);
  });

  const rows = JOBS.map(({ what, code, says, line, column, key }): Refusal => {
    const place = { ...(line && { line }), ...(column && { column }), ...(key !== undefined && { key }) };
    return { what, words: `job validate ${nameOf(what)}`, code, says, place };
  });
  table(rows);
  // Both read a job alike: every third row tries it.
  table(
    rows
      .filter((_, index) => index % 3 === 0)
      .map((row) => ({ ...row, words: `simulate ${nameOf(row.what)} -w out` })),
  );
});

describe('a job folder', () => {
  beforeAll(async () => {
    await writeJob(at('tiny'));
    mkdirSync(at('empty'));
    await writeJob(at('linked'));
    symlinkSync('/etc/hostname', at('linked', 'client', 'outside.txt'));
    await writeJob(at('many'));
    for (let count = 0; count < 501; count++) await writeFile(at('many', `${count}.txt`), '');
    await writeJob(at('large'));
    await writeFile(at('large', 'data.bin'), new Uint8Array(21_000_000));
    await writeJob(at('syntax'), { files: { 'client/other.ts': 'const a = 1;\nconst b = ;\n' } });
    await mkdir(at('nothing', 'job.yaml'), { recursive: true });
  });

  table([
    {
      what: 'that is missing',
      words: 'job validate nowhere',
      code: 'NF_JOB_NOT_FOUND',
      says: 'does not exist',
      place: { file: 'nowhere' },
    },
    {
      what: 'without a job',
      words: 'job validate empty',
      code: 'NF_JOB_NOT_FOUND',
      says: 'no job.yaml',
      place: { file: 'empty' },
    },
    {
      what: 'whose job is a folder',
      words: 'job validate nothing',
      code: 'NF_JOB_NOT_FOUND',
      says: 'no job.yaml',
    },
    {
      what: 'with a link',
      words: 'simulate linked -w out',
      code: 'NF_JOB_BUNDLE',
      says: 'symbolic link',
      place: { file: at('linked', 'client', 'outside.txt') },
    },
    { what: 'of many files', words: 'simulate many -w out', code: 'NF_JOB_BUNDLE', says: '500 files' },
    { what: 'of many bytes', words: 'simulate large -w out', code: 'NF_JOB_BUNDLE', says: '20 MB' },
    {
      what: 'with a script that does not parse',
      words: 'simulate syntax -w out',
      code: 'NF_JOB_SCRIPT_SYNTAX',
      says: 'Correct the script',
      place: { file: at('syntax', 'client', 'other.ts'), line: 2, column: 11 },
    },
    {
      what: 'in which a job is',
      words: 'job create tiny -t hello-fedavg-numpy',
      code: 'NF_JOB_EXISTS',
      says: 'tiny',
      place: { file: 'tiny' },
    },
    {
      what: 'below a file',
      words: 'job create tiny/job.yaml/x -t hello-fedavg-numpy',
      code: 'NF_PATH_UNUSABLE',
      says: 'job.yaml',
    },
    {
      what: 'with a bad value',
      words: 'job create deep/new -t hello-fedavg-numpy -s num_rounds=none',
      code: 'NF_JOB_INVALID',
      says: 'num_rounds',
      place: { key: 'workflow.num_rounds' },
    },
    {
      what: 'with an unknown value',
      words: 'job create new -t hello-fedavg-numpy --set num_round=1',
      code: 'NF_JOB_VARIABLE',
      says: "'num_rounds'?",
    },
    {
      what: 'of an unknown template',
      words: 'job create new -t hello',
      code: 'NF_TEMPLATE_UNKNOWN',
      says: 'list-templates',
    },
  ]);
});

describe('flags of simulate', () => {
  table([
    { what: 'no site', words: 'simulate tiny -w out -n 0', code: 'NF_USAGE', says: '--n-clients' },
    {
      what: 'a bad value, shown as it was given and not as the file has it',
      words: 'simulate tiny -w out --set num_rounds=0',
      code: 'NF_JOB_INVALID',
      says: "'workflow.num_rounds'",
      place: { key: 'workflow.num_rounds', excerpt: 'on the command line: num_rounds=0' },
    },
    { what: 'a site twice', words: 'simulate tiny -w out -c a,a', code: 'NF_JOB_SITE_NAME', says: 'twice' },
    {
      what: 'a site that is no name',
      words: 'simulate tiny -w out -c a,../b',
      code: 'NF_JOB_SITE_NAME',
      says: "'../b'",
    },
    {
      what: 'a slip of thousands',
      words: 'simulate tiny -w out -n 5000',
      code: 'NF_SIMULATE_MAX_CLIENTS',
      says: '5000',
    },
    {
      what: 'names and a number',
      words: 'simulate tiny -w out -n 2 -c a,b',
      code: 'NF_USAGE',
      says: '--clients',
    },
    {
      what: 'no run to go on with',
      words: 'simulate tiny -w out --resume',
      code: 'NF_RUN_NOT_FOUND',
      says: 'tiny',
    },
    {
      what: 'another engine',
      words: 'simulate tiny -w out --engine cuda',
      code: 'NF_USAGE',
      says: '--engine',
    },
    {
      what: 'a workspace below a file',
      words: 'simulate tiny -w tiny/job.yaml/out',
      code: 'NF_PATH_UNUSABLE',
      says: 'job.yaml',
    },
    {
      what: 'a flag that is none',
      words: 'simulate tiny -w out --thread 2',
      code: 'NF_USAGE',
      says: '--threads',
    },
  ]);
});
