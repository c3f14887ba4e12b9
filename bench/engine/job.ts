// What a site does in a few rounds (open the data, score the received model, train, send parameters), and the share of its
// processor time that is not spent inside the graph.
// usage: node bench/engine/job.ts [--size 128] [--batch 32] [--rounds 4] [--epochs 2] [--per-class 32]   (after `npm run build`)
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openDataset } from '../../src/runtime/learning/dataset/open-dataset.ts';
import type { CompiledModel, Engine } from '../../src/runtime/learning/engine/engine.ts';
import { makeOrtBuild } from '../../src/runtime/learning/engine/registry.ts';
import { buildModel } from '../../src/runtime/learning/models/build.ts';
import { compile } from '../../src/runtime/learning/trainer/compile.ts';
import { releaseTrainers } from '../../src/runtime/learning/trainer/model-pool.ts';
import { setEngine } from '../../src/runtime/learning/trainer/settings.ts';

const { values: options } = parseArgs({
  options: {
    size: { type: 'string', default: '128' },
    batch: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '4' },
    epochs: { type: 'string', default: '2' },
    'per-class': { type: 'string', default: '32' },
  },
});
const folder = mkdtempSync(join(tmpdir(), 'bench-job-'));
const cli = (...words: string[]) =>
  execFileSync(process.execPath, [join(import.meta.dirname, '../../bin/run.js'), ...words, '--quiet'], {
    cwd: folder,
  });
try {
  cli('preprocess', 'phantom', 'bids', '--sites', '1', '--per-class', options['per-class']);
  cli(...'preprocess split bids --sites 1 --validation 0.2 --test 0.05 --out split.json'.split(' '));
  await train();
} finally {
  rmSync(folder, { recursive: true });
}

async function train(): Promise<void> {
  const imageSize = Number(options.size);
  const calls: Calls = { steps: [], predictions: [] };
  const engine = remembering(await makeOrtBuild('native', 'bench', 1), calls);
  setEngine(async () => engine);
  const spec = { type: 'mri-cnn', image_size: imageSize, num_classes: 4 };
  const rounds: { seconds: number; used: number; opened: number; steps: number }[] = [];
  for (let round = 1; round <= Number(options.rounds); round++) {
    calls.steps = [];
    calls.predictions = [];
    const [begun, before] = [performance.now(), process.cpuUsage()];
    const source = { root: join(folder, 'bids'), split: join(folder, 'split.json'), site: 'site-1' };
    const data = await openDataset(source, { imageSize, batchSize: Number(options.batch) });
    const trainer = await compile(buildModel({ ...spec, classes: data.classes }), { learningRate: 0.001 });
    const opened = performance.now() - begun;
    await trainer.evaluate(data.validation);
    const { steps } = await trainer.fit(data.train, { epochs: Number(options.epochs), seed: round });
    trainer.getParams();
    releaseTrainers();
    rounds.push({ seconds: (performance.now() - begun) / 1000, used: usedSince(before), opened, steps });
  }
  const inside = await timeAlone(calls);
  for (const [index, { seconds, used, opened, steps }] of rounds.entries()) {
    const outside = (100 * (used - inside)) / used;
    console.log(
      `round ${index + 1}: ${seconds.toFixed(2)} s, ${steps} steps, data and model ready after ${(opened / 1000).toFixed(2)} s, ` +
        `${outside.toFixed(1)} % outside the graph`,
    );
  }
}

/** What a round asked of the engine. */
interface Calls {
  steps: (() => Promise<unknown>)[];
  predictions: (() => Promise<unknown>)[];
}

/** A round's calls again, with nothing between them: preparing batches would otherwise hide in the wait for a step. */
async function timeAlone({ steps, predictions }: Calls): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let repeat = 0; repeat < 3; repeat++) {
    const before = process.cpuUsage();
    for (const call of [...predictions, ...steps]) await call();
    least = Math.min(least, usedSince(before));
  }
  return least;
}

/** Milliseconds of processor time, which other processes on the machine do not change much. */
function usedSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function remembering(engine: Engine, calls: Calls): Engine {
  const wrap = (model: CompiledModel): CompiledModel => ({
    trainStep: (batch) => {
      calls.steps.push(() => model.trainStep(batch));
      return model.trainStep(batch);
    },
    predict: (x, size) => {
      calls.predictions.push(() => model.predict(x, size));
      return model.predict(x, size);
    },
    getParams: () => model.getParams(),
    setParams: (params) => model.setParams(params),
    setCorrection: (correction) => model.setCorrection(correction),
    unitGradient: (batch) => model.unitGradient(batch),
    applyGradient: (gradient, step) => model.applyGradient(gradient, step),
    dispose: () => model.dispose(),
  });
  return { ...engine, compile: async (model, settings) => wrap(await engine.compile(model, settings)) };
}
