import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readParticipants } from '../../src/preprocess/bids/participants.ts';
import { noProgress } from '../../src/runtime/base/logging/progress.ts';
import { balancedFigure } from '../../src/runtime/evaluation/figures.ts';
import type { ControlScores } from '../../src/runtime/learning/controls/control-data.ts';
import { pixelRows, silhouetteRows } from '../../src/runtime/learning/controls/features.ts';
import { groupedFolds } from '../../src/runtime/learning/controls/folds.ts';
import { type ControlImage, readControlImages } from '../../src/runtime/learning/controls/images.ts';
import { runControls } from '../../src/runtime/learning/controls/run-controls.ts';
import { indexGroups } from '../../src/runtime/statistics/figure.ts';
import { runCli } from '../support/cli.ts';
import { PYTHON, python } from '../support/python.ts';
import { tempFolder } from '../support/temp-folder.ts';

const CLASSES = ['glioma', 'meningioma', 'no_tumor', 'pituitary'];
const SAMPLE = join(
  process.env.NEUROFLARE_TEST_DATA ?? join(import.meta.dirname, '../../../shared/data'),
  'kaggle-brain-tumor-sample/Training',
);

/** scikit-learn on the very pixels and folds of our controls, on the real images with their heads cut out. */
describe.skipIf(!PYTHON || !existsSync(SAMPLE))('controls on real images', () => {
  const cwd = tempFolder();
  let images: ControlImage[] = [];
  let ours: ControlScores;
  let theirs: Record<string, number> = {};

  beforeAll(async () => {
    const made = await runCli(['preprocess', 'bids', SAMPLE, 'bids', '--head-mask', '--size', '256', '-q'], {
      cwd,
    });
    expect(made.code).toBe(0);
    const bidsRoot = join(cwd, 'bids');
    const { rows } = await readParticipants(bidsRoot);
    const subjects = rows
      .filter(({ values }) => !values.has('set_aside'))
      .map((row) => ({ row, label: CLASSES.indexOf(row.values.get('diagnosis') ?? '') }));
    images = await readControlImages(subjects, { bidsRoot, selection: {}, slices: 9, progress: noProgress });
    const folds = groupedFolds(images, 5, 0);
    ours = await runControls(images, { classes: 4, folds, seed: 0, jobs: 2, progress: noProgress });
    const fold = new Uint8Array(images.length);
    for (const [at, { test }] of folds.entries()) for (const row of Array.from(test)) fold[row] = at;
    const pixels = pixelRows(images);
    const files = {
      pixels,
      silhouette: silhouetteRows(pixels),
      fold,
      labels: Uint8Array.from(images, ({ label }) => label),
    };
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(cwd, name), bytes);
    theirs = python(ORACLE, cwd);
  }, 900_000);

  const reached = (scores: Float64Array) => {
    const labels = Uint8Array.from(images, ({ label }) => label);
    const groups = indexGroups(images.map(({ id }) => id));
    return balancedFigure({ probabilities: scores, labels, classes: 4 }, groups)?.value ?? Number.NaN;
  };

  it.each([
    ['nearest', 'nearest', 0.002],
    ['forest', 'forest', 0.03],
    ['silhouette', 'silhouette', 0.03],
    ['kernel', 'PCA and SVM', 0.03],
  ] as const)('%s reaches what scikit-learn reaches with %s', (control, name, within) => {
    expect(Math.abs(reached(ours[control]) - (theirs[name] ?? 0))).toBeLessThan(within);
  });

  it('frame and size tell nothing once heads are cut out and images have one size', () => {
    expect(reached(ours.frame)).toBeLessThan(0.35);
    expect(reached(ours.size)).toBeLessThan(0.35);
  });
});

const ORACLE = `import json, sys, numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
read = lambda name: np.fromfile(f"{sys.argv[1]}/{name}", np.uint8)
y, fold = read("labels"), read("fold")
pixels, outline = (read(name).reshape(len(y), -1).astype(np.float32) / 255 for name in ("pixels", "silhouette"))
def score(model, x):
    p = np.zeros(len(y), int)
    for k in range(5):
        p[fold == k] = model().fit(x[fold != k], y[fold != k]).predict(x[fold == k])
    return balanced_accuracy_score(y, p)
forest = lambda: RandomForestClassifier(400, random_state=0, n_jobs=2)
print(json.dumps({"nearest": score(lambda: KNeighborsClassifier(1), pixels), "forest": score(forest, pixels),
  "silhouette": score(forest, outline), "PCA and SVM": score(lambda: make_pipeline(PCA(120, random_state=0), SVC(C=10, gamma="scale")), pixels)}))`;
