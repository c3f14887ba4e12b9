import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readNifti } from '../../src/preprocess/nifti/read.ts';
import { baselinesSchema } from '../../src/runtime/evaluation/baselines/result.ts';
import { maskPredictionSchema } from '../../src/runtime/evaluation/segmentation/mask-prediction.ts';
import { maskEvaluationSchema } from '../../src/runtime/evaluation/segmentation/mask-result.ts';
import { type LesionSubject, writeLesionTree } from '../support/lesion-tree.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const cwd = tempFolder();
const RUN = 'work/job/latest';

/** Heads of 12 x 12 x 12 voxels, every third without a lesion. */
function people(): LesionSubject[] {
  return Array.from({ length: 18 }, (_, at) => ({
    id: `sub-${String(at + 1).padStart(2, '0')}`,
    partition: 'train',
    orientation: 'PIL',
    ...(at % 3 < 2 && { lesion: { at: [4 + (at % 4), 7 - (at % 3), 5] as const, radius: 3 } }),
  }));
}

/** What the steps said, the last one first. */
const said: string[] = [];

beforeAll(async () => {
  await writeLesionTree(join(cwd, 'bids'), people(), { shape: [12, 12, 12] });
  for (const line of [
    'preprocess split bids --sites 2 --validation 0.2 --test 0.3 --out split.json',
    'job create job --template mri-segmentation --set data=bids --set split=split.json --set model.patch_size=8 --set model.levels=2 --set num_rounds=1 --set local_epochs=2',
    'simulate job --workspace work --engine ort --baselines local,centralized --threads 1',
    'report job --workspace work',
  ]) {
    const { code, stdout, stderr } = await runCli(line.split(' '), { cwd });
    expect({ code, said: code === 0 ? '' : `${stdout}${stderr}` }).toEqual({ code: 0, said: '' });
    said.unshift(stdout + stderr);
  }
});

const json = async (path: string): Promise<unknown> => JSON.parse(await readFile(join(cwd, path), 'utf8'));
const evaluationOf = async (path = RUN) =>
  maskEvaluationSchema.parse(await json(join(path, 'evaluation/evaluation.json')));

async function table(path = RUN): Promise<Map<string, string>[]> {
  const text = await readFile(join(cwd, path, 'evaluation/predictions.tsv'), 'utf8');
  const [header = [], ...rows] = text
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
  return rows.map((row) => new Map(header.map((name, at) => [name, row[at] ?? ''])));
}

describe('evaluate of a run that labels voxels', () => {
  it('judges volumes of people who were not in training, and adds up what it tells of each', async () => {
    const evaluation = await evaluationOf();
    const rows = await table();
    const { sites } = (await json('split.json')) as { sites: { test: string[] }[] };
    const tested = sites.flatMap(({ test }) => test);
    expect(rows.map((row) => row.get('participant_id')).toSorted()).toEqual(tested.toSorted());
    const shown = rows.flatMap((row) => (row.get('dice') === 'n/a' ? [] : [Number(row.get('dice'))]));
    const mean = shown.reduce((sum, dice) => sum + dice, 0) / shown.length;
    expect(evaluation.headline.dice.value).toBeCloseTo(mean, 5);
    expect(evaluation.data).toMatchObject({ volumes: tested.length, subjects: tested.length });
    const [lesion] = evaluation.per_label;
    expect(lesion).toMatchObject({ label: 'lesion', volumes: shown.length, lesions: shown.length });
    expect(lesion?.figures.dice?.value).toBeCloseTo(mean, 5);
    const clear = rows.filter((row) => row.get('dice') === 'n/a');
    const none = clear.filter((row) => Number(row.get('predicted_ml_lesion')) === 0);
    expect(evaluation.figures.specificity?.value).toBeCloseTo(none.length / clear.length, 5);
  });

  it('holds it against an empty mask, the place of lesions and brightness', async () => {
    const { controls, headline, figures } = await evaluationOf();
    expect(controls?.map(({ name }) => name)).toEqual(['empty', 'place', 'brightness']);
    expect(controls?.[0]?.dice.value).toBe(0);
    // Lesions are brighter than all else, and nothing but noise lies between.
    expect(controls?.[2]?.dice.value).toBeGreaterThan(0.9);
    const strongest = headline.strongest_control;
    expect(strongest?.lead.value).toBeCloseTo((figures.dice?.value ?? 0) - (strongest?.dice.value ?? 0), 5);
  });

  it('draws the worst cases, which the report shows, and says what to type next', async () => {
    const { worst_cases: cases } = await evaluationOf();
    const drawn = await readdir(join(cwd, RUN, 'evaluation/overlays'));
    expect(drawn.map((name) => `overlays/${name}`).toSorted()).toEqual(
      cases.map(({ overlay }) => overlay).toSorted(),
    );
    const page = await readFile(join(cwd, RUN, 'report.html'), 'utf8');
    expect(page.split('data:image/png;base64,')).toHaveLength(cases.length + 1);
    for (const text of ['Beside the shortcuts', 'Dice of each site', 'HD95', 'Beside other ways to train'])
      expect(page).toContain(text);
    expect(page).not.toMatch(/[> ]undefined[< ,.]/);
    expect(page).not.toContain('Balanced accuracy');
  });

  it('compares it with models of one site and of all images, by the Dice of the same volumes', async () => {
    const { metric, federated, baselines } = baselinesSchema.parse(await json(join(RUN, 'baselines.json')));
    expect(metric).toBe('dice');
    expect(federated.figure).toEqual((await evaluationOf()).headline.dice);
    for (const { comparison, run_folders: folders } of baselines) {
      expect(comparison.own.value).toBeCloseTo(federated.figure.value ?? Number.NaN, 5);
      expect(comparison.lead.value).toBeCloseTo(
        (comparison.own.value ?? 0) - (comparison.other.value ?? 0),
        5,
      );
      for (const folder of Object.values(folders)) expect(existsSync(join(folder, 'evaluation'))).toBe(true);
    }
    expect(said[1]).toContain('Dice on the test images: federated');
  });

  it('gives the same figures again, without controls and pictures where these are not wanted', async () => {
    const { answer } = await runJson(
      'evaluate job --workspace work --no-controls --cases 0 --out again --engine ort'.split(' '),
      { cwd },
    );
    expect(answer).toMatchObject({ status: 'ok' });
    const again = maskEvaluationSchema.parse(await json('again/evaluation.json'));
    const first = await evaluationOf();
    expect(again.figures).toEqual(first.figures);
    expect(again).toMatchObject({ controls: null, worst_cases: [], headline: { verdict: 'no_controls' } });
  });

  it('is compared with another run volume by volume', async () => {
    const { answer } = await runJson('report job --workspace work --compare job'.split(' '), { cwd });
    expect(answer).toMatchObject({ data: { comparison: { lead: { value: 0 } } } });
    expect(await readFile(join(cwd, RUN, 'comparison.html'), 'utf8')).toContain('Dice of both runs');
  });

  it('refuses volumes that were trained on', async () => {
    const { answer } = await runJson(
      'evaluate job --workspace work --data bids --out leak --engine ort'.split(' '),
      { cwd },
    );
    expect(answer).toMatchObject({ status: 'error', error_code: 'NF_EVALUATE_EMPTY' });
  });
});

describe('predict by a model that labels voxels', () => {
  it('writes masks on the grids of their images, which are worth what evaluate says', async () => {
    const { answer } = await runJson(
      'predict job bids --workspace work --out bids-masks --engine ort'.split(' '),
      { cwd },
    );
    expect(answer).toMatchObject({ status: 'ok' });
    const { images, labels } = maskPredictionSchema.parse(await json('bids-masks/predictions.json'));
    expect(labels).toEqual([{ index: 1, name: 'lesion' }]);
    expect(images).toHaveLength(18);
    for (const row of await table()) {
      const id = row.get('participant_id') ?? '';
      const found = images.find(({ subject }) => subject === id);
      const path = `${id}/anat/${id}_desc-prediction_dseg.nii.gz`;
      expect(found?.mask).toBe(path);
      const [mask, image, truth] = await Promise.all(
        [
          `bids-masks/${path}`,
          `bids/${id}/anat/${id}_T1w.nii`,
          `bids/derivatives/lesions/${id}/anat/${id}_desc-lesion_mask.nii`,
        ].map((file) => readNifti(join(cwd, file))),
      );
      expect(mask).toMatchObject({ shape: image?.shape, orientation: 'PIL', affine: image?.affine });
      const inside = [...(mask?.data ?? [])];
      const own = inside.filter((value) => value === 1).length;
      const shown = [...(truth?.data ?? [])].reduce((sum, value) => sum + value, 0);
      const both = inside.filter((value, at) => value === 1 && truth?.data[at] === 1).length;
      expect(found?.volume_ml.lesion).toBeCloseTo(own / 1000, 9);
      expect(Number(row.get('predicted_ml_lesion'))).toBeCloseTo(own / 1000, 3);
      if (shown > 0) expect(Number(row.get('dice'))).toBeCloseTo((2 * both) / (own + shown), 5);
    }
  });

  it('is a derivative of BIDS that says what its values are, and whose masks can be learnt from', async () => {
    const read = (path: string) => readFile(join(cwd, 'bids-masks', path), 'utf8');
    expect(JSON.parse(await read('dataset_description.json'))).toMatchObject({ DatasetType: 'derivative' });
    expect(await read('desc-prediction_dseg.tsv')).toBe('index\tname\n0\tbackground\n1\tlesion\n');
    const [header, ...rows] = (await read('predictions.tsv')).trimEnd().split('\n');
    expect(header).toBe('subject\tsource\tmask\tvolume_ml_lesion\tparts_lesion');
    expect(rows).toHaveLength(18);
  });

  it('tells volumes of a single file without writing, and names a file that is too small', async () => {
    const { stdout } = await runCli(
      'predict job bids/sub-01/anat/sub-01_T1w.nii --workspace work --engine ort'.split(' '),
      { cwd },
    );
    expect(stdout).toContain('No masks were written');
    await writeLesionTree(join(cwd, 'small'), [{ id: 'sub-01', partition: 'test' }], { shape: [6, 12, 12] });
    const { answer } = await runJson(
      'predict job small/sub-01/anat/sub-01_T1w.nii --workspace work --out none --engine ort'.split(' '),
      { cwd },
    );
    expect(answer).toMatchObject({ error_code: 'NF_DATA_PATCH' });
    expect(existsSync(join(cwd, 'none'))).toBe(false);
  });
});
