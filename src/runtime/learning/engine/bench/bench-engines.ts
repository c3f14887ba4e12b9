import { toNeuroflareError } from '../../../base/errors/errors.ts';
import type { EngineName } from '../../../job/engine-choice.ts';
import type { Engine, EngineInfo } from '../engine.ts';
import { CANDIDATES, type Candidate, gpuCandidate } from '../survey.ts';
import { type BenchSizes, referenceBatch, referenceModel } from './reference-model.ts';

/** Steps before the clock counts: caches fill, memory is taken, JavaScript is compiled. */
const WARM_UP = 2;

export interface BenchOptions extends BenchSizes {
  /** Default: all but cpu, whose step takes minutes at the usual size and cannot be stopped. */
  readonly engines?: readonly EngineName[] | undefined;
  /** GPU to measure first, as given to `--gpu`. */
  readonly gpu?: string | undefined;
  /** Threads inside one operation; TensorFlow takes its own number. */
  readonly threads: number;
  /** How long each engine trains, compiling left out. */
  readonly seconds: number;
  readonly signal?: AbortSignal | undefined;
  readonly onEngine?: ((name: string) => void) | undefined;
}

export interface EngineSpeed {
  readonly name: EngineName;
  readonly build: EngineInfo['build'];
  readonly verdict: 'measured' | 'failed' | 'absent';
  readonly info?: EngineInfo;
  readonly speed?: Speed;
  /** Why there is no figure. */
  readonly reason?: string;
}

export interface Speed {
  /** Of the median step. */
  readonly imagesPerSecond: number;
  /** Median. */
  readonly stepMilliseconds: number;
  /** That the median is of. */
  readonly steps: number;
  /** Tracing, making the session, and all else before the first step. */
  readonly compileMilliseconds: number;
}

/** Trains the reference CNN on one engine after the other; an engine that cannot is told, not thrown. */
export async function benchEngines(options: BenchOptions): Promise<EngineSpeed[]> {
  const onCpu = CANDIDATES.filter(({ name }) => options.engines?.includes(name) ?? name !== 'cpu');
  const chosen = options.gpu === undefined ? onCpu : [gpuCandidate(options.gpu), ...onCpu];
  const speeds: EngineSpeed[] = [];
  for (const candidate of chosen) {
    options.onEngine?.(`${candidate.name} (${candidate.build})`);
    speeds.push(await benchEngine(candidate, options));
  }
  return speeds;
}

async function benchEngine({ name, build, make }: Candidate, options: BenchOptions): Promise<EngineSpeed> {
  let engine: Engine;
  try {
    engine = await make(options.threads);
  } catch (error) {
    return { name, build, verdict: 'absent', reason: toNeuroflareError(error).message };
  }
  const info = engine.describe();
  try {
    return { name, build, verdict: 'measured', info, speed: await train(engine, options) };
  } catch (error) {
    options.signal?.throwIfAborted();
    return { name, build, verdict: 'failed', info, reason: toNeuroflareError(error).message };
  }
}

async function train(engine: Engine, options: BenchOptions): Promise<Speed> {
  const { imageSize, batchSize, seconds, signal } = options;
  const batch = referenceBatch(options);
  const start = performance.now();
  const model = await engine.compile(referenceModel(imageSize), { batchSize, optimizer: { kind: 'adam' } });
  const compileMilliseconds = performance.now() - start;
  try {
    const step = async () => {
      signal?.throwIfAborted();
      const began = performance.now();
      const loss = await model.trainStep(batch);
      if (!Number.isFinite(loss)) throw new Error(`The loss became ${loss}`);
      return performance.now() - began;
    };
    const times = await stepTimes(step, seconds * 1000);
    const stepMilliseconds = median(times);
    const imagesPerSecond = (batchSize * 1000) / stepMilliseconds;
    return { imagesPerSecond, stepMilliseconds, steps: times.length, compileMilliseconds };
  } finally {
    model.dispose();
  }
}

/** Times of as many steps as fit, after the warm-up; of a step longer than all the time there is, its own. */
async function stepTimes(step: () => Promise<number>, milliseconds: number): Promise<number[]> {
  const times: number[] = [];
  let spent = 0;
  while (spent < milliseconds || times.length === 0) {
    const time = await step();
    times.push(time);
    spent += time;
  }
  return times.length > WARM_UP ? times.slice(WARM_UP) : times.slice(-1);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = Number.NaN, high = low] =
    sorted.length % 2 === 1 ? [sorted[middle]] : sorted.slice(middle - 1, middle + 1);
  return (low + high) / 2;
}
