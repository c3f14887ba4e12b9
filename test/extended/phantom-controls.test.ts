import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { PYTHON, python } from '../support/python.ts';
import { tempFolder } from '../support/temp-folder.ts';

/**
 * The class of a simulated head must not follow from what a tumour does not cause: brightness, size, scanner. Chance is
 * 0.25; the bound leaves 10 points for 192 volumes.
 */
describe.skipIf(!PYTHON)('shortcut controls on the phantom', () => {
  const folder = tempFolder();
  let scores: Record<string, number> = {};

  beforeAll(async () => {
    const made = await runCli(['preprocess', 'phantom', 'bids', '--per-class', '16', '--size', '48', '-q'], {
      cwd: folder,
    });
    expect(made.code).toBe(0);
    scores = python(CONTROLS, join(folder, 'bids'));
  }, 300_000);

  it.each(['scanner and size', 'brightness', 'histogram'])(
    '%s says next to nothing of the class',
    (control) => {
      expect(scores[control]).toBeLessThanOrEqual(0.35);
    },
  );
});

const CONTROLS = `import csv, glob, json, sys, nibabel, numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
root = sys.argv[1]
rows = list(csv.DictReader(open(root + "/participants.tsv"), delimiter="\\t"))
y = np.array([row["diagnosis"] for row in rows]); site = np.array([row["site"] for row in rows])
X = {"scanner and size": [], "brightness": [], "histogram": []}
for row in rows:
    image = nibabel.load(glob.glob(f"{root}/{row['participant_id']}/anat/*_T1w.nii.gz")[0]); v = image.get_fdata()
    X["scanner and size"].append([*image.shape, *image.header.get_zooms()[:3], row["site"] == "site-1", row["site"] == "site-2"])
    X["brightness"].append([v.mean(), v.std(), *np.percentile(v, [10, 50, 90, 99])])
    X["histogram"].append(np.histogram(v / np.percentile(v, 99.5), 16, (0, 1.2))[0] / v.size)
model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
score = lambda x: balanced_accuracy_score(y, cross_val_predict(model, np.array(x, float), y, cv=StratifiedKFold(5, shuffle=True, random_state=0)))
print(json.dumps({name: score(x) for name, x in X.items()}))`;
