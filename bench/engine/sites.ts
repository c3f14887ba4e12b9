// Sites as threads, one thread each: images per second of one alone and of several at once, in turn.
// usage: node bench/engine/sites.ts [--sites 2] [--model reference] [--size 128] [--rounds 3]
import { once } from 'node:events';
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { makeOrtBuild } from '../../src/runtime/learning/engine/registry.ts';
import { median } from '../process-tree.ts';
import { benchModel } from './models.ts';

interface Task {
  readonly model: string;
  readonly size: number;
}

const SECONDS = 4;

if (isMainThread) await compare();
else await serve(workerData as Task);

async function compare(): Promise<void> {
  const { values } = parseArgs({
    options: {
      sites: { type: 'string', default: '2' },
      model: { type: 'string', default: 'reference' },
      size: { type: 'string', default: '128' },
      rounds: { type: 'string', default: '3' },
    },
  });
  const task: Task = { model: values.model, size: Number(values.size) };
  const workers = Array.from(
    { length: Number(values.sites) },
    () => new Worker(new URL(import.meta.url), { workerData: task }),
  );
  const ask = async (worker: Worker): Promise<number> => {
    const answer = once(worker, 'message');
    worker.postMessage(SECONDS);
    const [rate] = (await answer) as [number];
    return rate;
  };
  const [first] = workers;
  if (!first) throw new Error('At least one site');
  await Promise.all(workers.map(ask));
  const ratios: number[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const alone = await ask(first);
    const together = await Promise.all(workers.map(ask));
    const sum = together.reduce((all, speed) => all + speed, 0);
    ratios.push(sum / alone);
    console.log(
      `alone ${alone.toFixed(1)}, together ${together.map((speed) => speed.toFixed(1)).join(' + ')} images/s`,
    );
  }
  const [load = 0] = loadavg();
  console.log(
    `${workers.length} sites on ${availableParallelism()} cores: ${median(ratios).toFixed(2)} times one, load ${load.toFixed(1)}`,
  );
  await Promise.all(workers.map((worker) => worker.terminate()));
}

async function serve({ model: name, size }: Task): Promise<void> {
  const { inputShape, batchSize, build } = benchModel(name, size);
  const engine = await makeOrtBuild('native', 'bench', 1);
  const model = await engine.compile(build(), { batchSize, optimizer: { kind: 'adam' } });
  const x = new Float32Array(inputShape.reduce((a, b) => a * b, batchSize)).map((_, at) => Math.sin(at));
  const y = new Float32Array(batchSize * 4).map((_, at) => (at % 4 === (at >> 2) % 4 ? 1 : 0));
  parentPort?.on('message', async (seconds: number) => {
    const begun = performance.now();
    let images = 0;
    for (let step = 0; performance.now() - begun < seconds * 1000; step++) {
      await model.trainStep({ x, y, size: batchSize, learningRate: 1e-3, seed: step });
      images += batchSize;
    }
    parentPort?.postMessage((images * 1000) / (performance.now() - begun));
  });
}
