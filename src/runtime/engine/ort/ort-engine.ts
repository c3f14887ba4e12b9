import type { Engine, EngineInfo } from '../engine.ts';
import { ortFunction } from './ort-function.ts';
import { OrtModel } from './ort-model.ts';
import type { OrtRuntime } from './runtime.ts';

/** Trains by ONNX graphs made from the model: see `trace/recorder.ts` for how. */
export function createOrtEngine(runtime: OrtRuntime, reason: string): Engine {
  const { library, version, build, threads } = runtime;
  const info: EngineInfo = { name: 'ort', device: 'cpu', library, version, build, threads, reason };
  return {
    name: 'ort',
    device: 'cpu',
    describe: () => info,
    compile: (model, options) => new OrtModel(runtime, model, options).prepare(),
    compileFunction: (work, options = {}) => ortFunction(runtime, work, options),
  };
}
