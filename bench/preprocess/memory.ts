// Memory of whole commands over 100, 1,000 and 10,000 volumes, which are links to a few.
// usage: node bench/preprocess/memory.ts FOLDER_OF_SMALL_NII_GZ [subjects, default 100,1000,10000]
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { RUN } from '../neuroflare.ts';
import { measure } from '../process-tree.ts';
import { linkedDataset } from './linked-dataset.ts';

const [images = '', sizes = '100,1000,10000'] = process.argv.slice(2);
const names = readdirSync(images).filter((name) => name.endsWith('.nii.gz'));
const folder = mkdtempSync(join(tmpdir(), 'bench-memory-'));
try {
  writeFileSync(
    join(folder, 'pipeline.yaml'),
    'steps:\n  - {step: reorient}\n  - {step: resample, voxel: 6}\n',
  );
  for (const subjects of sizes.split(',').map(Number)) {
    const source = join(folder, `heads-${subjects}`);
    linkedDataset(source, { images: names.map((name) => resolve(images, name)), subjects });
    const commands = {
      check: ['check', source, '--no-controls'],
      volumes: ['volumes', source, `volumes-${subjects}`, '-p', 'pipeline.yaml', '--jobs', '2'],
      'bids --table': ['bids', source, `bids-${subjects}`, '--table', `${source}.csv`],
    };
    for (const [name, args] of Object.entries(commands)) {
      // The copies are errors to `check`, which says so by its exit status.
      const ends = name === 'check' ? [0, 1] : [0];
      const run = [RUN, 'preprocess', ...args, '-q'];
      const { seconds, memory } = await measure(process.execPath, run, { cwd: folder, ends });
      console.log(`${name}, ${subjects} volumes: ${seconds.toFixed(1)} s, ${memory.toFixed(0)} MB`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
