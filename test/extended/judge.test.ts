import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { classEvaluationSchema } from '../../src/runtime/evaluation/class-result.ts';
import { startCli } from '../support/cli.ts';
import { makeFederation } from '../support/federation-kits.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { openView } from '../support/view-requests.ts';
import { spotSlice, subjectsOf, writeTree } from '../unit/learning/bids-tree.ts';
import { headPicture, toPng } from '../unit/preprocess/image/made-pictures.ts';

/** Slices with a bright or a dark spot somewhere: nothing but the spot tells the classes apart. */
const cwd = tempFolder();
const SMALL = [
  '--set',
  'image_size=16',
  '--set',
  'model.width=8',
  '--set',
  'local_epochs=8',
  '--set',
  'batch_size=8',
];
const read = (path: string): unknown => JSON.parse(readFileSync(join(cwd, path), 'utf8'));

/** What the page of a run says to type next, as a shell reads it. */
function nextOf(workspace: string | undefined, run: string): string[] {
  const folder = workspace === undefined ? run : join(workspace, run, 'latest');
  const page = readFileSync(join(cwd, folder, 'report.html'), 'utf8');
  const command = /<code>neuroflare (.*?)<\/code>/.exec(page)?.[1]?.replaceAll('&#39;', "'") ?? '';
  return execFileSync('sh', ['-c', `printf '%s\\n' ${command}`], { encoding: 'utf8' })
    .trim()
    .split('\n');
}

/** By the last step: `evaluate`. */
let said = '';

beforeAll(async () => {
  const root = await writeTree(subjectsOf(['bright', 'dark'], { count: 60, partition: 'n/a' }), spotSlice);
  await rename(root, join(cwd, 'bids'));
  const steps = [
    [
      'preprocess',
      'split',
      'bids',
      '--sites',
      '2',
      '--fold',
      '1/4',
      '--validation',
      '0.2',
      '--out',
      'split.json',
    ],
    [
      'job',
      'create',
      'spots',
      '--template',
      'mri-fedavg',
      '--set',
      'data=bids',
      '--set',
      'split=split.json',
      '--set',
      'name=spots',
      '--set',
      'model.classes=[bright, dark]',
    ],
    ['simulate', 'spots', '-q', '--set', 'num_rounds=4', ...SMALL],
    ['evaluate', 'spots', '-q', '--replicates', '300'],
  ];
  for (const step of steps) {
    const { code, stdout } = await runCli(step, { cwd });
    expect(code, stdout).toBe(0);
    said = stdout;
  }
}, 120_000);

describe('evaluate', () => {
  it('says what comes next', () => {
    expect(said.trimEnd().split('\n').at(-1)).toBe('Next: neuroflare report spots');
  });

  it('puts the model beside controls that see no more than they say', () => {
    const evaluation = classEvaluationSchema.parse(read('work/spots/latest/evaluation/evaluation.json'));
    expect(evaluation.data).toMatchObject({ part: 'test', subjects: 30, sites: ['site-1', 'site-2'] });
    const reached = Object.fromEntries(
      (evaluation.controls ?? []).map(({ name, balanced_accuracy: own }) => [name, own.value ?? Number.NaN]),
    );
    expect(Object.keys(reached)).toEqual([
      'majority',
      'size',
      'frame',
      'silhouette',
      'histogram',
      'nearest',
      'kernel',
      'forest',
    ]);
    expect(reached.majority).toBe(0.5);
    expect(reached.frame).toBe(0.5);
    expect(reached.size).toBe(0.5);
    expect(evaluation.headline.sentence).toContain('strongest control');
  });

  it('counts every subject once, and gives intervals that hold the figure', () => {
    const evaluation = classEvaluationSchema.parse(read('work/spots/latest/evaluation/evaluation.json'));
    expect(evaluation.confusion.flat().reduce((sum, count) => sum + count, 0)).toBe(30);
    for (const { value, low, high } of Object.values(evaluation.figures)) {
      if (value === null || low === null || high === null) continue;
      expect(low).toBeLessThan(high);
      expect(value).toBeGreaterThanOrEqual(low);
      expect(value).toBeLessThanOrEqual(high);
    }
    for (const { accuracy } of evaluation.per_site) expect(accuracy.low).toBeLessThan(accuracy.high ?? 0);
    expect(evaluation.masked.head_masked?.value).toBe(0.5);
    expect(evaluation.calibration.fitted_on).toMatch(/validation subjects/);
    const rows = readFileSync(join(cwd, 'work/spots/latest/evaluation/predictions.tsv'), 'utf8')
      .trim()
      .split('\n');
    expect(rows).toHaveLength(31);
    for (const { overlay } of evaluation.worst_cases) {
      expect(existsSync(join(cwd, 'work/spots/latest/evaluation', overlay ?? ''))).toBe(true);
    }
  });

  it('is seen in the viewer beside the images: site, part, answer and heat maps, and no file from outside the run', async () => {
    const folder = join(cwd, 'work/spots/latest/evaluation');
    const evaluation = classEvaluationSchema.parse(read('work/spots/latest/evaluation/evaluation.json'));
    const view = await openView({ target: 'spots', workspace: join(cwd, 'work') });
    const { subjects, run, notes } = await view.list();
    expect(notes).toEqual([]);
    expect(run).toMatch(/^spots /);
    expect(subjects).toHaveLength(120);
    const tested = subjects.filter(({ part }) => part === 'test');
    expect(tested.map(({ predicted }) => predicted).filter((label) => label === null)).toEqual([]);
    expect(new Set(subjects.map(({ site }) => site))).toEqual(new Set(['site-1', 'site-2']));
    const [worst] = evaluation.worst_cases;
    const seen = subjects.find(({ id }) => id === worst?.id);
    expect(seen).toMatchObject({ label: worst?.truth, predicted: worst?.predicted, site: worst?.site });
    const [, probability] = seen?.probabilities.find(([label]) => label === worst?.predicted) ?? [];
    expect(probability).toBeCloseTo(worst?.probability ?? 0, 3);
    const picture = await view.get(seen?.heat ?? '');
    expect(picture.headers['content-type']).toBe('image/png');
    expect(picture.body.equals(readFileSync(join(folder, worst?.overlay ?? '')))).toBe(true);
    await view.close();
    // An evaluation of somebody else may name any file.
    const copy = join(cwd, 'copied-run');
    cpSync(join(cwd, 'work/spots/latest'), copy, { recursive: true, dereference: true });
    const [first, second] = evaluation.worst_cases;
    const named = [
      { ...first, overlay: '../run.json' },
      { ...second, overlay: '/etc/passwd' },
    ];
    writeFileSync(
      join(copy, 'evaluation/evaluation.json'),
      JSON.stringify({ ...evaluation, worst_cases: named }),
    );
    const other = await openView({ target: copy });
    const list = await other.list();
    const maps = list.subjects.flatMap(({ heat }) => heat ?? []);
    expect(maps).toHaveLength(2);
    for (const map of maps) expect((await other.get(map)).status).toBeGreaterThanOrEqual(404);
    await other.close();
  });

  it('is shown by the command until Ctrl-C, at an address that stdout tells', async () => {
    const shown = startCli(['preprocess', 'view', 'spots', '--no-open', '--json'], { cwd });
    const { data } = JSON.parse(await shown.says(/^.*\n/)) as { data: { address: string; images: number } };
    expect(data.images).toBe(120);
    expect((await fetch(data.address)).status).toBe(200);
    shown.child.kill('SIGINT');
    const { code, stdout } = await shown.done;
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  });

  it('opens a file of version 0.1.0, which has no more than counts of recall at a site', () => {
    const { tumour_or_none: _, ...old } = read('work/spots/latest/evaluation/evaluation.json') as Record<
      string,
      unknown
    >;
    const sites = (old.per_site as Record<string, unknown>[]).map(
      ({ recall_intervals: __, ...site }) => site,
    );
    const opened = classEvaluationSchema.parse({ ...old, per_site: sites });
    expect(opened).toMatchObject({ tumour_or_none: null, per_site: [{ recall_intervals: {} }, {}] });
  });

  it('gives the same file again', async () => {
    const args = ['evaluate', 'spots', '-q', '--replicates', '300', '--out'];
    for (const out of ['one', 'two']) expect((await runCli([...args, out], { cwd })).code).toBe(0);
    expect(read('one/evaluation.json')).toEqual(read('two/evaluation.json'));
  });

  it('refuses to call images a test that were trained on', async () => {
    const other = ['preprocess', 'split', 'bids', '--sites', '2', '--fold', '2/4', '--out', 'other.json'];
    expect((await runCli(other, { cwd })).code).toBe(0);
    const { answer, code } = await runJson(['evaluate', 'spots', '--split', 'other.json', '-q'], { cwd });
    expect(code).toBe(4);
    expect(answer.error_code).toBe('NF_EVALUATE_LEAK');
  });

  it.each([
    [['evaluate', 'spotz'], 'NF_RUN_TARGET'],
    [['evaluate', 'spots/20200101-000000'], 'NF_RUN_NOT_FOUND'],
    [['evaluate', 'none.safetensors'], 'NF_PATH_MISSING'],
    [['evaluate', 'spots', '--data', 'nowhere'], 'NF_BIDS_NOT_A_DATASET'],
    [['evaluate', 'spots', '--replicates', '1'], 'NF_USAGE'],
  ])('%j is answered with %s', async (args, wanted) => {
    const { answer, code } = await runJson([...args, '-q'], { cwd });
    expect([code, answer.error_code]).toEqual([4, wanted]);
  });
});

describe('predict', () => {
  it('predicts files, pictures and data sets, and says what the probabilities are', async () => {
    const { answer } = await runJson(
      ['predict', 'spots', 'bids/sub-0/anat/sub-0_T1w.nii', '-q', '--out', 'said'],
      { cwd },
    );
    const said = answer.data as {
      images: { overlay: string; probabilities: Record<string, number> }[];
      temperature: number;
      notice: string;
    };
    expect(said.notice).toMatch(/research only/i);
    expect(said.temperature).toBeGreaterThan(0);
    const [image] = said.images;
    expect(Object.values(image?.probabilities ?? {}).reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 6);
    expect(existsSync(join(cwd, 'said', image?.overlay ?? ''))).toBe(true);
    const whole = await runJson(['predict', 'spots', 'bids', '-q'], { cwd });
    const all = whole.answer.data as {
      subjects: unknown[];
      likeness: { threshold: number; held_out: number; not_known: null };
      images: { unlike: { is_unlike: boolean } }[];
    };
    expect(all.subjects).toHaveLength(120);
    expect(all.likeness).toMatchObject({ false_alarms: 0.05, not_known: null });
    expect(all.images.filter(({ unlike }) => unlike.is_unlike).length).toBeLessThan(12);
  });

  it('takes pictures as they are taken for training', async () => {
    await writeFile(join(cwd, 'slice.png'), await toPng(headPicture(1)));
    const { answer } = await runJson(['predict', 'spots', 'slice.png', '--head-mask', '-q'], { cwd });
    expect(answer.data).toMatchObject({
      head_mask: true,
      images: [{ subject: 'slice', source: 'slice.png', unlike: { is_unlike: true } }],
    });
    // A disc with a spot is no head: scripts can stop there, and people see it first.
    const args = ['predict', 'spots', 'slice.png', '--head-mask', '-q', '--fail-on-unlike'];
    const shown = await runCli(args, { cwd });
    expect([shown.code, shown.stdout]).toEqual([
      1,
      expect.stringMatching(/^UNLIKE THE TRAINING IMAGES: 1 image/),
    ]);
    await writeFile(join(cwd, 'bad.png'), 'text');
    const bad = await runJson(['predict', 'spots', 'bad.png', '-q'], { cwd });
    expect([bad.code, bad.answer.error_code]).toEqual([4, 'NF_PREDICT_PICTURE']);
  });

  it.each([
    [['predict', 'spots', 'split.json'], 'NF_PREDICT_INPUT'],
    [['predict', 'spots', 'missing.nii'], 'NF_PATH_MISSING'],
    [
      ['predict', 'spots', 'bids/sub-0/anat/sub-0_T1w.nii', 'bids/sub-0/anat/sub-0_T1w.nii'],
      'NF_PREDICT_INPUT',
    ],
  ])('%j is answered with %s', async (args, wanted) => {
    const { answer, code } = await runJson([...args, '-q'], { cwd });
    expect([code, answer.error_code]).toEqual([4, wanted]);
  });
});

describe('report', () => {
  it('writes one page that needs no network, its record and TensorBoard logs', async () => {
    expect((await runCli(['report', 'spots', '--out', 'published'], { cwd })).code).toBe(0);
    const whole = readFileSync(join(cwd, 'published/report.html'), 'utf8');
    const page = whole.replace(/base64,[^"]*/g, '');
    expect(page).toContain('strongest control');
    expect(page).toContain('not a medical device');
    expect(page).not.toMatch(/(src|href)="?https?:/);
    expect(page).not.toContain('undefined</');
    expect(page).not.toContain('NaN');
    const record = read('published/run_record.json') as { sha256: string; evaluation: object };
    expect(record.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(existsSync(join(cwd, 'published/tensorboard/all-sites'))).toBe(true);
  });

  it('has a record that shows whose it is, and that nothing in it was changed', async () => {
    const { kit } = await makeFederation(join(cwd, 'kits'));
    const root = join(kit('site-1'), 'startup/rootCA.pem');
    const foreign = (await makeFederation(join(cwd, 'foreign'))).kit('site-1');
    const report = ['report', 'spots', '--out', 'signed', '--sign', kit('ann@example.org')];
    expect((await runCli(report, { cwd })).code).toBe(0);
    const verify = (...args: string[]) =>
      runJson(['runs', 'verify', 'signed/run_record.json', ...args], { cwd });
    expect((await verify()).answer.data).toMatchObject({ signed: true, signer: null });
    expect((await verify('--root', root)).answer).toMatchObject({
      exit_code: 0,
      data: { signer: { name: 'ann@example.org', org: 'university', role: 'project_admin' } },
    });
    const refused = { exit_code: 1, error_code: 'NF_RECORD_INVALID' };
    expect((await verify('--root', join(foreign, 'startup/rootCA.pem'))).answer).toMatchObject(refused);
    const path = join(cwd, 'signed/run_record.json');
    const text = readFileSync(path, 'utf8');
    for (const changed of [text.replace('"finished"', '"failed"'), '{}', text.slice(0, -9)]) {
      writeFileSync(path, changed);
      expect((await verify()).answer).toMatchObject(refused);
    }
  });

  it('says of a run that was not judged that its figures say little', async () => {
    const run = ['simulate', 'spots', '-q', '-w', 'fresh', '--set', 'num_rounds=1', ...SMALL];
    expect((await runCli(run, { cwd })).code).toBe(0);
    const { stdout } = await runCli(['report', 'spots', '-w', 'fresh'], { cwd });
    expect(stdout).toContain('not judged yet');
    expect(stdout).toContain('make the report again: neuroflare evaluate spots --workspace fresh\n');
    expect(nextOf('fresh', 'spots')).toEqual(['evaluate', 'spots', '--workspace', 'fresh']);
  });

  it('names a run that lies elsewhere as it was named, and the data that it does not know', async () => {
    const [id = ''] = readdirSync(join(cwd, 'fresh/spots')).filter((name) => /^\d/.test(name));
    cpSync(join(cwd, 'fresh/spots', id), join(cwd, 'brought home'), { recursive: true });
    const card = join(cwd, 'brought home/run.json');
    writeFileSync(card, JSON.stringify({ ...JSON.parse(readFileSync(card, 'utf8')), data: null }));
    await runCli(['report', 'brought home'], { cwd });
    const next = nextOf(undefined, 'brought home');
    expect(next).toEqual(['evaluate', 'brought home', '--data', 'BIDS_FOLDER', '--split', 'SPLIT_FILE']);
    const words = next.map((word) => ({ BIDS_FOLDER: 'bids', SPLIT_FILE: 'split.json' })[word] ?? word);
    const { code, stderr } = await runCli([...words, '-q', '--replicates', '300'], { cwd });
    expect([code, stderr]).toEqual([0, '']);
  });

  it('warns before a run of classes that the model does not name, and takes the metrics of the trainer for known', async () => {
    const validate = async (...sets: string[]) => {
      const { answer } = await runJson(
        ['job', 'validate', 'spots', ...sets.flatMap((one) => ['--set', one])],
        { cwd },
      );
      return (answer.data as { warnings: string[] }).warnings.join('\n');
    };
    expect(await validate()).not.toMatch(/classes|key_metric/);
    expect(await validate('model.classes=[bright, grey]')).toContain(
      'images of dark, which model.classes does not name',
    );
    expect(await validate('model.classes=[bright, dark, grey, other]')).toContain(
      "no image of grey, other, which model.classes names: balanced_accuracy, and what else is over all classes, stays undefined. Name the classes there are: --set 'classes=[bright,dark]'",
    );
    expect(await validate('key_metric=f1')).toContain('workflow.key_metric is f1');
  });

  it('compares two runs on the subjects of both', async () => {
    const { answer } = await runJson(['report', 'spots', '--compare', 'spots', '--out', 'compared'], { cwd });
    const { comparison } = answer.data as { comparison: { lead: Record<string, number> } };
    expect(comparison.lead.value).toBe(0);
    expect(comparison.lead.low).toBeLessThan(0);
    expect(comparison.lead.high).toBeCloseTo(-(comparison.lead.low ?? 0), 10);
  });
});

describe('models of the sites themselves', () => {
  it('are judged on the test images of their sites, as each is by itself', async () => {
    // A model file alone is judged by the network that its job names.
    const keys = [
      'data=bids',
      'split=split.json',
      'name=own',
      'model.classes=[bright, dark]',
      'num_rounds=1',
    ];
    const own = ['personalize_rounds=2', 'train_alone=false'];
    const sets = [...keys, ...own].flatMap((one) => ['--set', one]);
    const steps = [
      ['job', 'create', 'own', '--template', 'mri-fedavg', ...sets, ...SMALL],
      ['simulate', 'own', '-q'],
      ['evaluate', 'own', '-q', '--no-controls', '--replicates', '300'],
      ['report', 'own', '-q'],
    ];
    for (const step of steps) expect((await runCli(step, { cwd })).code).toBe(0);
    const run = 'work/own/latest';
    const evaluation = classEvaluationSchema.parse(read(join(run, 'evaluation/evaluation.json')));
    const found = evaluation.own_models ?? [];
    expect(found.map(({ site }) => site)).toEqual(['site-1', 'site-2']);
    for (const { site, subjects, accuracy, global_accuracy: global, lead } of found) {
      const file = join(run, 'sites', site, 'personal_model.safetensors');
      const data = ['--data', 'bids', '--split', 'split.json', '--job', 'own', '--out', site];
      const alone = ['evaluate', file, '-q', '--no-controls', '--replicates', '300', ...data];
      expect((await runCli(alone, { cwd })).code).toBe(0);
      const same = classEvaluationSchema.parse(read(join(site, 'evaluation.json')));
      expect(same.own_models).toBeNull();
      const itself = same.per_site.find((one) => one.site === site);
      expect([itself?.subjects, itself?.accuracy]).toEqual([subjects, accuracy]);
      expect(global).toEqual(evaluation.per_site.find((one) => one.site === site)?.accuracy);
      expect(lead.value).toBeCloseTo((accuracy.value ?? 0) - (global.value ?? 0), 10);
    }
    const page = readFileSync(join(cwd, run, 'report.html'), 'utf8');
    expect(page).toContain('<h2>What each site ends with</h2>');
    expect(page).toContain('<h2>Models of the sites themselves</h2>');
  });
});

describe('simulate --baselines', () => {
  it('trains and compares local and pooled models, and takes finished ones when run again', async () => {
    const args = [
      'simulate',
      'spots',
      '-q',
      '-w',
      'held',
      '--set',
      'num_rounds=1',
      ...SMALL,
      '--baselines',
      'local,centralized',
    ];
    const { answer, code } = await runJson(args, { cwd });
    expect(code).toBe(0);
    const { baselines } = answer.data as {
      baselines: { baselines: { baseline: string; comparison: { subjects: number } }[] };
    };
    expect(baselines.baselines.map(({ baseline, comparison }) => [baseline, comparison.subjects])).toEqual([
      ['local', 30],
      ['centralized', 30],
    ]);
  }, 120_000);

  it('goes on with baselines when the federated run is finished', async () => {
    const run = (await runJson(['runs', 'list', '--workspace', 'held'], { cwd })).answer.data;
    const args = ['simulate', 'spots', '-q', '-w', 'held', '--resume', '--baselines', 'local,centralized'];
    expect((await runJson(args, { cwd })).code).toBe(0);
    expect((await runJson(['runs', 'list', '--workspace', 'held'], { cwd })).answer.data).toEqual(run);
  });

  it('refuses what it does not know, before anything is trained', async () => {
    const { answer } = await runJson(['simulate', 'spots', '--baselines', 'locl'], { cwd });
    expect([answer.error_code, answer.message]).toEqual([
      'NF_BASELINES_UNKNOWN',
      expect.stringContaining("'local'"),
    ]);
  });
});
