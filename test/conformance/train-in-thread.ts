import { parentPort, workerData } from 'node:worker_threads';
import { sha256 } from '../../src/runtime/base/digest.ts';
import { createRandom } from '../../src/runtime/base/random.ts';
import { createEngine } from '../../src/runtime/learning/engine/registry.ts';
import { plainCnn, residualCnn } from './fixture-models.ts';

/** Trains both models a few steps and returns a digest of all parameters: same bits, same digest. */
export async function trainingDigest(threads: number): Promise<string> {
  const { engine } = await createEngine('ort', { threads });
  const digests: string[] = [];
  for (const build of [plainCnn, residualCnn]) {
    const model = await engine.compile(build({ size: 24, widths: [16, 24] }), {
      batchSize: 8,
      optimizer: { kind: 'adam' },
    });
    for (let seed = 1; seed <= 3; seed++) {
      const random = createRandom('batch', seed);
      const x = new Float32Array(8 * 24 * 24).map(() => random.normal());
      const y = new Float32Array(8 * 4).map((_, index) => (index % 4 === (index >> 2) % 4 ? 1 : 0));
      await model.trainStep({ x, y, size: 8, learningRate: 0.01, seed });
    }
    for (const { data } of Object.values(model.getParams()))
      digests.push(sha256(new Uint8Array(data.buffer)));
    model.dispose();
  }
  return sha256(digests.join());
}

if (parentPort) parentPort.postMessage(await trainingDigest(Number(workerData)));
