// Trains one model of the bench on an engine of ours, a few steps whenever a line comes in.
// usage: node bench/engine/ort-worker.ts MODEL SIZE native|wasm THREADS
import { createInterface } from 'node:readline';
import { createRandom } from '../../src/runtime/base/random.ts';
import { makeOrtBuild } from '../../src/runtime/learning/engine/registry.ts';
import { benchModel } from './models.ts';

const [name = '', size = '', build = 'native', threads = '1'] = process.argv.slice(2);
const { inputShape, batchSize, build: make } = benchModel(name, Number(size));
const engine = await makeOrtBuild(build === 'wasm' ? 'wasm' : 'native', 'bench', Number(threads));
const model = await engine.compile(make(), { batchSize, optimizer: { kind: 'adam' } });
const random = createRandom('bench');
const pixels = inputShape.reduce((product, length) => product * length, batchSize);
const x = new Float32Array(pixels).map(() => random.normal());
const y = new Float32Array(batchSize * 4).map((_, at) => (at % 4 === (at >> 2) % 4 ? 1 : 0));

for await (const line of createInterface({ input: process.stdin })) {
  const wall: number[] = [];
  const cpu: number[] = [];
  for (let step = 0; step < Number(line); step++) {
    const [used, begun] = [process.cpuUsage(), performance.now()];
    await model.trainStep({ x, y, size: batchSize, learningRate: 1e-3, seed: step });
    const { user, system } = process.cpuUsage(used);
    wall.push(performance.now() - begun);
    cpu.push((user + system) / 1000);
  }
  console.log(JSON.stringify({ wall, cpu, memory: process.resourceUsage().maxRSS / 1024 }));
}
