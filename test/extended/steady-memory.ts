// Trains 2,000 steps and prints, as JSON, what the process held after each quarter: resident memory in MB, tensors of tfjs.
// usage: node --expose-gc test/extended/steady-memory.ts native|wasm
import { setTimeout as sleep } from 'node:timers/promises';
import { makeOrtBuild } from '../../src/runtime/learning/engine/registry.ts';
import { tf } from '../../src/runtime/learning/engine/tfjs.ts';
import { residualCnn } from '../conformance/fixture-models.ts';

const STEPS = 2000;
const SIZE = 16;
const BATCH = 8;

const engine = await makeOrtBuild(process.argv[2] === 'wasm' ? 'wasm' : 'native', 'test', 1);
const options = { batchSize: BATCH, optimizer: { kind: 'adam' } } as const;
const model = await engine.compile(residualCnn({ size: SIZE, widths: [8, 8] }), options);
const seen: { memory: number; tensors: number }[] = [];
for (let step = 1; step <= STEPS; step++) {
  // New arrays and sizes at every step, as a data set has them.
  const size = step % 10 === 0 ? BATCH - 3 : BATCH;
  const x = new Float32Array(size * SIZE * SIZE).map((_, at) => Math.sin(at * step));
  const y = new Float32Array(size * 4).map((_, at) => (at % 4 === (at >> 2) % 4 ? 1 : 0));
  await model.trainStep({ x, y, size, learningRate: 1e-4, seed: step });
  if (step % 10 === 0) await model.predict(x, size);
  if (step % (STEPS / 4) === 0) {
    for (let round = 0; round < 3; round++) {
      globalThis.gc?.();
      await sleep(20);
    }
    seen.push({ memory: process.memoryUsage.rss() / 2 ** 20, tensors: tf.memory().numTensors });
  }
}
console.log(JSON.stringify(seen));
