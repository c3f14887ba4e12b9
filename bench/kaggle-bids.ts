// Class folders of pictures to BIDS: neuroflare beside a Python script that does the same work, whole processes in turn.
// usage: node bench/kaggle-bids.ts IMAGES PYTHON_WITH_PILLOW_NIBABEL_NUMPY [pairs, default 3]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Measured, measure, median } from './process-tree.ts';

const [images = '', python = 'python3', pairs = '3'] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'bench-bids-'));
const ours: Measured[] = [];
const theirs: Measured[] = [];
try {
  for (let pair = 0; pair < Number(pairs); pair++) {
    const target = join(folder, `ours-${pair}`);
    const run = [join(import.meta.dirname, '../bin/run.js'), 'preprocess', 'bids', images, target, '-q'];
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
print('neuroflare preprocess bids', ours);
print('Pillow, nibabel, numpy', theirs);
const ratios = ours.map(({ seconds }, index) => (theirs[index]?.seconds ?? 0) / seconds);
console.log(`ratio ${median(ratios).toFixed(2)} x faster`);

function print(name: string, all: readonly Measured[]): void {
  const seconds = median(all.map((one) => one.seconds)).toFixed(2);
  console.log(
    `${name}: ${seconds} s, ${median(all.map((one) => one.memory)).toFixed(0)} MB (median of ${all.length})`,
  );
}
