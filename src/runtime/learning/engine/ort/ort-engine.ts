import type { Engine, EngineInfo } from '../engine.ts';
import { ortFunction } from './ort-function.ts';
import { OrtModel } from './ort-model.ts';
import type { OrtRuntime } from './runtime.ts';

/** Trains by ONNX graphs made from the model: see `trace/recorder.ts` for how. */
export function createOrtEngine(runtime: OrtRuntime, reason: string): Engine {
  const { library, version, build, threads, provider, gpu } = runtime;
  const device = gpu ? 'gpu' : 'cpu';
  const info: EngineInfo = {
    name: 'ort',
    device,
    library,
    version,
    build,
    threads,
    reason,
    ...(gpu && { provider, gpu: gpu.index }),
  };
  return {
    name: 'ort',
    device,
    describe: () => info,
    compile: (model, options) => new OrtModel(runtime, model, options).prepare(),
    compileFunction: (work, options = {}) => ortFunction(runtime, work, options),
  };
}
