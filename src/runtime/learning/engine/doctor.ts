import { toNeuroflareError } from '../../base/errors/errors.ts';
import { createRandom } from '../../base/random.ts';
import type { EngineName } from '../../job/engine-choice.ts';
import type { Engine, TrainBatch } from './engine.ts';
import { groupNormalization } from './layers/group-normalization.ts';
import { makeEngine } from './registry.ts';
import { CANDIDATES, type EngineStatus, gpuCandidate, surveyEngines } from './survey.ts';
import { tfl } from './tfjs.ts';

const STEPS = 5;
const BATCH = 8;
const SIZE = 16;
/** What engines may differ by after a few steps: rounding in another order. */
const TOLERANCE = 1e-4;

export interface Finding {
  readonly name: EngineName;
  readonly build: EngineStatus['build'];
  readonly auto: boolean;
  readonly verdict: 'works' | 'wrong' | 'failed' | 'absent';
  /** What was seen, in a sentence. */
  readonly detail: string;
  /** Largest difference of a loss from the cpu engine's. */
  readonly difference?: number;
  readonly milliseconds?: number;
}

export interface ExamineOptions {
  /** GPU to look at too, as given to `--gpu`. */
  readonly gpu?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Trains a tiny model on each engine that is at hand and compares its losses with the cpu engine's. */
export async function examineEngines({ gpu, signal }: ExamineOptions = {}): Promise<Finding[]> {
  const expected = await losses(await makeEngine('cpu', 'oracle'));
  const findings: Finding[] = [];
  if (gpu !== undefined) findings.push(await examineGpu(gpu, expected));
  for (const status of await surveyEngines()) {
    signal?.throwIfAborted();
    findings.push(await examine(status, expected));
  }
  return findings;
}

async function examine(status: EngineStatus, expected: readonly number[]): Promise<Finding> {
  const { name, build, auto } = status;
  const candidate = CANDIDATES.find((known) => known.name === name && known.build === build);
  if (!status.available || !candidate)
    return { name, build, auto, verdict: 'absent', detail: status.reason ?? '' };
  return { name, build, auto, ...(await tryOut(() => candidate.make(1), expected)) };
}

async function examineGpu(gpu: string, expected: readonly number[]): Promise<Finding> {
  const { name, build, make } = gpuCandidate(gpu);
  try {
    const engine = await make(1);
    const found = await tryOut(async () => engine, expected);
    return { name, build, auto: false, ...found, detail: `${engine.describe().reason}: ${found.detail}` };
  } catch (error) {
    return { name, build, auto: false, verdict: 'absent', detail: toNeuroflareError(error).message };
  }
}

async function tryOut(make: () => Promise<Engine>, expected: readonly number[]) {
  try {
    const start = performance.now();
    const actual = await losses(await make());
    return { ...compare(actual, expected), milliseconds: Math.round(performance.now() - start) };
  } catch (error) {
    return { verdict: 'failed' as const, detail: toNeuroflareError(error).message };
  }
}

function compare(actual: readonly number[], expected: readonly number[]) {
  const difference = Math.max(...actual.map((loss, step) => Math.abs(loss - (expected[step] ?? Number.NaN))));
  const seen = `losses ${actual.map((loss) => loss.toFixed(4)).join(', ')}`;
  if (!(difference < TOLERANCE)) {
    const wanted = expected.map((loss) => loss.toFixed(4)).join(', ');
    return { verdict: 'wrong' as const, detail: `${seen}, but the cpu engine has ${wanted}`, difference };
  }
  return { verdict: 'works' as const, detail: seen, difference };
}

/** Losses of a few steps with every kind of operation that the MRI models use. */
async function losses(engine: Engine): Promise<number[]> {
  const model = await engine.compile(tinyModel(), { batchSize: BATCH, optimizer: { kind: 'adamw' } });
  try {
    const seen: number[] = [];
    for (let step = 1; step <= STEPS; step++) seen.push(await model.trainStep(noisyBatch(step)));
    return seen;
  } finally {
    model.dispose();
  }
}

function tinyModel(): tfl.LayersModel {
  const kernelInitializer = tfl.initializers.heNormal({ seed: 1 });
  const convolution = { filters: 8, kernelSize: 3, padding: 'same', kernelInitializer } as const;
  return tfl.sequential({
    layers: [
      tfl.layers.conv2d({ ...convolution, inputShape: [SIZE, SIZE, 1], activation: 'relu' }),
      tfl.layers.maxPooling2d({ poolSize: 2 }),
      tfl.layers.conv2d({ ...convolution, strides: 2, useBias: false }),
      groupNormalization({ groups: 4 }),
      tfl.layers.reLU(),
      tfl.layers.averagePooling2d({ poolSize: 2 }),
      tfl.layers.globalAveragePooling2d({}),
      tfl.layers.dropout({ rate: 0.2 }),
      tfl.layers.dense({ units: 2, kernelInitializer }),
    ],
  });
}

/** The second step's batch is smaller, which goes another way through the engines. */
function noisyBatch(step: number): TrainBatch {
  const random = createRandom('doctor', step);
  const size = step === 2 ? BATCH - 3 : BATCH;
  const x = new Float32Array(size * SIZE * SIZE).map(() => random.normal());
  const y = new Float32Array(size * 2).map((_, index) => ((index >> 1) % 2) ^ (index & 1));
  return { x, y, size, learningRate: 0.01, seed: step };
}
