// A job on real MRI, whole processes in turn: 2 sites, 3 rounds of one epoch, the reference CNN at 128 x 128 in batches of 32;
// neuroflare's simulator beside nvflare's with PyTorch. Our script also turns and shifts its pictures and cuts heads out of them.
// usage: node bench/mri-job.ts IMAGES PYTHON_WITH_NVFLARE_TORCH_NIBABEL_PILLOW [pairs, default 3]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { neuroflare, RUN } from './neuroflare.ts';
import { type Measured, measure, printMeasured, printRatio } from './process-tree.ts';

const NVFLARE = join(import.meta.dirname, 'nvflare-mri');
const [images = '', python = 'python3', pairs = '3'] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'bench-mri-'));
const [bids, split] = [join(folder, 'bids'), join(folder, 'split.json')];
const ours: Measured[] = [];
const theirs: Measured[] = [];
try {
  neuroflare(`preprocess bids ${images} ${bids} --head-mask --size 128 -q`, { cwd: folder });
  neuroflare(`preprocess split ${bids} --sites 2 --out ${split}`, { cwd: folder });
  const settings = { num_rounds: 3, local_epochs: 1, image_size: 128, batch_size: 32, data: bids, split };
  const set = Object.entries(settings).map(([key, value]) => `--set ${key}=${value}`);
  neuroflare(`job create mri --template mri-fedavg ${set.join(' ')}`, { cwd: folder });
  for (let pair = 0; pair < Number(pairs); pair++) {
    const run = [RUN, 'simulate', 'mri', '--threads', '2', '--quiet'];
    ours.push(await measure(process.execPath, run, { cwd: folder }));
    const job = [join(NVFLARE, 'job.py'), join(folder, `nvflare-${pair}`), bids, split];
    theirs.push(await measure(python, job, { cwd: NVFLARE }));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
printMeasured('neuroflare simulate', ours);
printMeasured('nvflare simulator with PyTorch', theirs);
printRatio(ours, theirs);
