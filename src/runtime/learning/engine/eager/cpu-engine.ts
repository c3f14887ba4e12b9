import { version_core } from '@tensorflow/tfjs-core';
import type { Engine, EngineInfo } from '../engine.ts';
import '../tfjs.ts';
import { eagerFunction } from './eager-function.ts';
import { EagerModel } from './eager-model.ts';

/** TensorFlow.js in plain JavaScript: slow, everywhere, and what the others are compared with. */
export function createCpuEngine(reason: string): Engine {
  const info: EngineInfo = {
    name: 'cpu',
    device: 'cpu',
    library: '@tensorflow/tfjs-backend-cpu',
    version: version_core,
    build: 'javascript',
    threads: 1,
    reason,
  };
  return {
    name: 'cpu',
    device: 'cpu',
    describe: () => info,
    compile: async (model, options) => new EagerModel('cpu', model, options),
    compileFunction: (work, options = {}) => eagerFunction('cpu', work, options),
  };
}
