// The weighted mean of large models, from files to a file, beside numpy with a float64 accumulator, in turn.
// usage: node bench/aggregation.ts PYTHON_WITH_NUMPY [--models 8] [--megabytes 100] [--pairs 5]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeModel } from './network/model-job.ts';
import { median } from './process-tree.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    models: { type: 'string', default: '8' },
    megabytes: { type: 'string', default: '100' },
    pairs: { type: 'string', default: '5' },
  },
});
const [python = 'python3'] = positionals;
const count = Number(values.models);
const megabytes = Number(values.megabytes);
const folder = mkdtempSync(join(tmpdir(), 'bench-aggregation-'));
const names = Array.from({ length: count }, (_, index) => join(folder, `${index}`));

interface Figures {
  readonly seconds: number;
  /** Largest resident memory, MB. */
  readonly memory: number;
}

try {
  for (const name of names) writeModel(`${name}.safetensors`, megabytes);
  const elements = (megabytes * 1_000_000) / 4;
  execFileSync(python, [
    '-c',
    `import numpy, sys\nfor path in sys.argv[1:]: numpy.save(path, numpy.ones(${elements}, numpy.float32))`,
    ...names.map((name) => `${name}.npy`),
  ]);
  const ours: Figures[] = [];
  const theirs: Figures[] = [];
  for (let pair = 0; pair < Number(values.pairs); pair++) {
    ours.push(run(process.execPath, [join(import.meta.dirname, 'aggregate-once.ts')], 'safetensors'));
    theirs.push(run(python, [join(import.meta.dirname, 'python/aggregate.py')], 'npy'));
  }
  print('neuroflare', ours);
  print('numpy', theirs);
  const ratios = ours.map(({ seconds }, index) => (theirs[index]?.seconds ?? 0) / seconds);
  console.log(`ratio       ${median(ratios).toFixed(2)} x`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function run(command: string, args: readonly string[], format: string): Figures {
  const files = names.map((name) => `${name}.${format}`);
  const target = join(folder, `mean.${format}`);
  return JSON.parse(execFileSync(command, [...args, target, ...files], { encoding: 'utf8' })) as Figures;
}

function print(name: string, all: readonly Figures[]): void {
  const seconds = median(all.map((one) => one.seconds));
  const memory = median(all.map((one) => one.memory));
  console.log(
    `${name.padEnd(12)}${seconds.toFixed(3)} s, ${((count * megabytes) / 1000 / seconds).toFixed(2)} GB/s, ${memory.toFixed(0)} MB`,
  );
}
