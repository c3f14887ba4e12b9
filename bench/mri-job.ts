// A job on real MRI, whole processes in turn: 2 sites, 3 rounds of one epoch, the reference CNN at 128 x 128 in batches of 32;
// neuroflare's simulator beside nvflare's with PyTorch. Our script also turns and shifts its pictures and cuts heads out of them.
// usage: node bench/mri-job.ts IMAGES PYTHON_WITH_NVFLARE_TORCH_NIBABEL_PILLOW [pairs, default 3]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Measured, measure, median } from './process-tree.ts';

const RUN = join(import.meta.dirname, '../bin/run.js');
const NVFLARE = join(import.meta.dirname, 'nvflare-mri');
const [images = '', python = 'python3', pairs = '3'] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'bench-mri-'));
const [bids, split] = [join(folder, 'bids'), join(folder, 'split.json')];
const ours: Measured[] = [];
const theirs: Measured[] = [];
try {
  neuroflare(`preprocess bids ${images} ${bids} --head-mask --size 128 -q`);
  neuroflare(`preprocess split ${bids} --sites 2 --out ${split}`);
  const settings = { num_rounds: 3, local_epochs: 1, image_size: 128, batch_size: 32, data: bids, split };
  const set = Object.entries(settings).map(([key, value]) => `--set ${key}=${value}`);
  neuroflare(`job create mri --template mri-fedavg ${set.join(' ')}`);
  for (let pair = 0; pair < Number(pairs); pair++) {
    const run = [RUN, 'simulate', 'mri', '--threads', '2', '--quiet'];
    ours.push(await measure(process.execPath, run, { cwd: folder }));
    const job = [join(NVFLARE, 'job.py'), join(folder, `nvflare-${pair}`), bids, split];
    theirs.push(await measure(python, job, { cwd: NVFLARE }));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
print('neuroflare simulate', ours);
print('nvflare simulator with PyTorch', theirs);
const ratio = (figure: (one: Measured) => number) =>
  median(ours.map((one, index) => figure(theirs[index] ?? one) / figure(one)));
console.log(
  `ratio ${ratio(({ seconds }) => seconds).toFixed(1)} x faster, memory 1/${ratio(({ memory }) => memory).toFixed(1)}`,
);

function neuroflare(line: string): void {
  execFileSync(process.execPath, [RUN, ...line.split(' ')], { cwd: folder, stdio: 'ignore' });
}

function print(name: string, all: readonly Measured[]): void {
  const seconds = median(all.map((one) => one.seconds)).toFixed(2);
  console.log(
    `${name}: ${seconds} s, ${median(all.map((one) => one.memory)).toFixed(0)} MB (median of ${all.length})`,
  );
}
