// Class folders of pictures to BIDS: neuroflare beside a Python script that does the same work, whole processes in turn.
// usage: node bench/kaggle-bids.ts IMAGES PYTHON_WITH_PILLOW_NIBABEL_NUMPY [pairs, default 3]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RUN } from './neuroflare.ts';
import { type Measured, measure, printMeasured, printRatio } from './process-tree.ts';

const [images = '', python = 'python3', pairs = '3'] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'bench-bids-'));
const ours: Measured[] = [];
const theirs: Measured[] = [];
try {
  for (let pair = 0; pair < Number(pairs); pair++) {
    const target = join(folder, `ours-${pair}`);
    const run = [RUN, 'preprocess', 'bids', images, target, '-q'];
    ours.push(await measure(process.execPath, run, { cwd: folder }));
    const script = [
      join(import.meta.dirname, 'python/kaggle_to_bids.py'),
      images,
      join(folder, `theirs-${pair}`),
    ];
    theirs.push(await measure(python, script, { cwd: folder }));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
printMeasured('neuroflare preprocess bids', ours);
printMeasured('Pillow, nibabel, numpy', theirs);
printRatio(ours, theirs);
