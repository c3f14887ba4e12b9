import { toNeuroflareError } from '../../base/errors/errors.ts';
import type { EngineName } from '../../job/engine-choice.ts';
import type { Engine, EngineInfo } from './engine.ts';
import { createEngine, makeEngine, makeOrtBuild } from './registry.ts';

/** One way to compute, and whether it is at hand here. */
export interface EngineStatus {
  readonly name: EngineName;
  readonly build: EngineInfo['build'];
  readonly available: boolean;
  /** The one that `--engine auto` takes. */
  readonly auto: boolean;
  readonly info?: EngineInfo;
  /** Why it is not available. */
  readonly reason?: string;
  /** What makes it available. */
  readonly advice?: string;
}

export interface Candidate {
  readonly name: EngineName;
  readonly build: EngineInfo['build'];
  make(threads: number): Promise<Engine>;
}

/** Every way to compute, in the order of preference on a CPU. */
export const CANDIDATES: readonly Candidate[] = [
  { name: 'ort', build: 'native', make: (threads) => makeOrtBuild('native', LISTED, threads) },
  { name: 'ort', build: 'wasm', make: (threads) => makeOrtBuild('wasm', LISTED, threads) },
  { name: 'tensorflow', build: 'native', make: () => makeEngine('tensorflow', LISTED) },
  { name: 'cpu', build: 'javascript', make: () => makeEngine('cpu', LISTED) },
];

/** ort on a GPU; making it throws NF_ENGINE_GPU_MISSING where none can be used. */
export function gpuCandidate(gpu: string): Candidate {
  const make = async (threads: number) =>
    (await createEngine('ort', { gpu, threads, requireGpu: true })).engine;
  return { name: 'ort', build: 'native', make };
}

const LISTED = 'listed';

/** Loads each engine to see whether it works here. */
export async function surveyEngines(): Promise<EngineStatus[]> {
  const picked = (await createEngine('auto')).engine.describe();
  return Promise.all(
    CANDIDATES.map(async ({ name, build, make }): Promise<EngineStatus> => {
      const auto = picked.name === name && picked.build === build;
      try {
        const info = (await make(1)).describe();
        return { name, build, available: true, auto, info: auto ? picked : info };
      } catch (error) {
        const { message, hint } = toNeuroflareError(error);
        return { name, build, available: false, auto, reason: message, advice: hint };
      }
    }),
  );
}
