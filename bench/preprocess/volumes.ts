// Volumes to one form (axes, 1 mm, z-score): `preprocess volumes` beside a script with nibabel and scipy, whole processes in turn.
// usage: node bench/preprocess/volumes.ts HEAD.nii.gz PYTHON_WITH_NIBABEL_SCIPY [heads, default 6] [pairs, default 3]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { RUN } from '../neuroflare.ts';
import { type Measured, measure, printMeasured, printRatio } from '../process-tree.ts';
import { linkedDataset } from './linked-dataset.ts';

const [head = '', python = 'python3', heads = '6', pairs = '3'] = process.argv.slice(2);
const PIPELINE = `steps:
  - {step: reorient}
  - {step: resample, voxel: 1}
  - {step: intensity, method: z_score}
`;
const folder = mkdtempSync(join(tmpdir(), 'bench-volumes-'));
const [ours, alone, pool]: Measured[][] = [[], [], []];
try {
  const source = join(folder, 'bids');
  linkedDataset(source, { images: [resolve(head)], subjects: Number(heads) });
  writeFileSync(join(folder, 'pipeline.yaml'), PIPELINE);
  const script = join(import.meta.dirname, '../python/prepare_volumes.py');
  for (let pair = 0; pair < Number(pairs); pair++) {
    const run = [
      RUN,
      'preprocess',
      'volumes',
      source,
      `ours-${pair}`,
      '-p',
      'pipeline.yaml',
      '--jobs',
      '2',
      '-q',
    ];
    ours?.push(await measure(process.execPath, run, { cwd: folder }));
    alone?.push(await measure(python, [script, source, `alone-${pair}`, '1'], { cwd: folder }));
    pool?.push(await measure(python, [script, source, `pool-${pair}`, '2'], { cwd: folder }));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
printMeasured('neuroflare preprocess volumes, two threads', ours ?? []);
printMeasured('nibabel and scipy, one process', alone ?? []);
printRatio(ours ?? [], alone ?? []);
printMeasured('nibabel and scipy, a pool of two processes', pool ?? []);
printRatio(ours ?? [], pool ?? []);
