// Training steps of whole networks: the ort engine beside PyTorch, taking turns in one run, one thread each.
// usage: node bench/engine/steps.ts [--python PYTHON_WITH_TORCH] [--model NAME ...] [--size N ...] [--rounds 5] [--threads 1] [--wasm]
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from '../process-tree.ts';
import { Contender } from './contender.ts';
import { benchModel } from './models.ts';

const { values: options } = parseArgs({
  options: {
    python: { type: 'string' },
    model: {
      type: 'string',
      multiple: true,
      default: ['reference', 'batchnorm', 'resnet', 'mobilenet', 'cnn3d'],
    },
    size: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '1' },
    wasm: { type: 'boolean', default: false },
  },
});
/** Of one turn, about. */
const MILLISECONDS = 1500;
const SIZES: Record<string, string[]> = { mobilenet: ['128'], cnn3d: ['64'] };

console.log(`${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, ${options.threads} thread(s) each`);
console.log('images/s of the median step; in brackets images per second of processor time; MB at most\n');
for (const model of options.model) {
  for (const size of options.size ?? SIZES[model] ?? ['64', '128', '224']) await compare(model, size);
}

async function compare(model: string, size: string): Promise<void> {
  const contenders = contendersOf(model, size);
  try {
    for (const contender of contenders) await contender.train(3, false);
    for (let round = 0; round < Number(options.rounds); round++) {
      for (const contender of contenders) {
        const step = await contender.train(1, false);
        await contender.train(Math.max(2, Math.round(MILLISECONDS / step)));
      }
    }
  } finally {
    for (const contender of contenders) contender.end();
  }
  report(`${model} ${size}`, contenders, benchModel(model, Number(size)).batchSize);
}

function contendersOf(model: string, size: string): Contender[] {
  const { threads, python } = options;
  const ours = (build: string) =>
    new Contender(`ort ${build}`, [
      process.execPath,
      join(import.meta.dirname, 'ort-worker.ts'),
      model,
      size,
      build,
      threads,
    ]);
  const torch = (layout: string) =>
    new Contender(`torch ${layout}`, [
      python ?? '',
      join(import.meta.dirname, 'torch_worker.py'),
      model,
      size,
      layout,
      threads,
    ]);
  return [
    ours('native'),
    ...(options.wasm ? [ours('wasm')] : []),
    ...(python === undefined ? [] : [torch('default'), torch('channels_last')]),
  ];
}

function report(title: string, contenders: readonly Contender[], batchSize: number): void {
  const speed = (times: readonly number[]) => (batchSize * 1000) / median(times);
  const rows = contenders.map(({ name, wall, cpu, memory }) => {
    return { name, wall: speed(wall), cpu: speed(cpu), memory };
  });
  const [ours, ...rest] = rows;
  const best = (figure: 'wall' | 'cpu') =>
    Math.max(...rest.filter(({ name }) => name.startsWith('torch')).map((row) => row[figure]));
  const ratio =
    ours && rest.length > 0
      ? `  ratio ${(ours.wall / best('wall')).toFixed(2)} (${(ours.cpu / best('cpu')).toFixed(2)})`
      : '';
  const [load = 0] = loadavg();
  const cells = rows.map(
    (row) => `${row.name} ${row.wall.toFixed(1)} (${row.cpu.toFixed(1)}) ${row.memory.toFixed(0)} MB`,
  );
  console.log(`${title.padEnd(15)}  ${cells.join('  ')}${ratio}  load ${load.toFixed(1)}`);
}
