// Many small sites in one simulation: sites a second, and memory over the rounds.
// usage: node bench/many-sites.ts [--sites 1000] [--images 10] [--rounds 3] [--threads 2]
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { createRandom } from '../src/runtime/base/random.ts';
import { residentOf } from './network/measure.ts';
import { neuroflare, RUN } from './neuroflare.ts';

const CLASSES = ['glioma_tumor', 'meningioma_tumor', 'no_tumor', 'pituitary_tumor'];
const SIDE = 64;
const { values } = parseArgs({
  options: {
    sites: { type: 'string', default: '1000' },
    images: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: '2' },
  },
});
const [sites, rounds] = [Number(values.sites), Number(values.rounds)];
const folder = mkdtempSync(join(tmpdir(), 'bench-sites-'));
try {
  await drawPictures(sites * Number(values.images));
  neuroflare('preprocess bids pictures bids -q', { cwd: folder });
  neuroflare(`preprocess split bids --sites ${sites} --validation 0.2 --test 0.1 --out split.json -q`, {
    cwd: folder,
  });
  const settings = { num_rounds: rounds, local_epochs: 1, image_size: 32, data: 'bids', split: 'split.json' };
  const set = Object.entries(settings).map(([key, value]) => `--set ${key}=${value}`);
  neuroflare(`job create mri --template mri-fedavg ${set.join(' ')}`, { cwd: folder });
  const memory: number[] = [];
  const begun = performance.now();
  const run = [RUN, 'simulate', 'mri', '--threads', values.threads, '--quiet'];
  const child = spawn(process.execPath, run, { cwd: folder, stdio: 'ignore' });
  const timer = setInterval(() => memory.push(residentOf(child.pid ?? 0)), 250);
  const code = await new Promise((resolve) => child.on('exit', resolve));
  clearInterval(timer);
  if (code !== 0) throw new Error(`simulate ended with ${String(code)}`);
  const seconds = (performance.now() - begun) / 1000;
  const quarter = Math.ceil(memory.length / 4);
  const peaks = [0, 1, 2, 3].map((part) => Math.max(...memory.slice(part * quarter, (part + 1) * quarter)));
  console.log(
    `${sites} sites of ${values.images} images, ${rounds} rounds, ${values.threads} threads: ${seconds.toFixed(1)} s, ` +
      `${((sites * (rounds + 1)) / seconds).toFixed(0)} tasks a second; at most ${peaks.join(', ')} MB in the quarters of the run`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Ellipses with blocks of random brightness: no two of one group. */
async function drawPictures(count: number): Promise<void> {
  const random = createRandom('many-sites');
  for (const name of CLASSES) mkdirSync(join(folder, 'pictures', name), { recursive: true });
  for (let number = 0; number < count; number++) {
    const blocks = Array.from({ length: 64 }, () => 60 + 180 * random.next());
    const pixels = Uint8Array.from({ length: SIDE * SIDE }, (_, at) => {
      const [x, y] = [(at % SIDE) / SIDE, Math.floor(at / SIDE) / SIDE];
      const isOutside = ((x - 0.5) / 0.36) ** 2 + ((y - 0.5) / 0.4) ** 2 > 1;
      return isOutside ? 0 : (blocks[Math.floor(y * 8) * 8 + Math.floor(x * 8)] ?? 0);
    });
    const path = join(folder, 'pictures', CLASSES[number % CLASSES.length] ?? '', `${number}.png`);
    await sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toFile(path);
  }
}
