import '@tensorflow/tfjs-backend-cpu';
import { backend, findBackend, getBackend, setBackend } from '@tensorflow/tfjs-core';

/**
 * TensorFlow.js in parts (core, layers, cpu backend), which load in a quarter of the union package's time. The parts are
 * the same module instances that scripts reach through `@tensorflow/tfjs`, so models and kernels are shared.
 */
export * as tf from '@tensorflow/tfjs-core';
export * as tfl from '@tensorflow/tfjs-layers';

silenceBanner();

/** Runs synchronous tfjs code on a backend and puts the former one back, whatever happens. */
export function onBackend<T>(name: string, work: () => T): T {
  const former = getBackend();
  void setBackend(name);
  try {
    return work();
  } finally {
    void setBackend(former);
  }
}

/** The cpu backend greets its first user on stderr with advice that does not hold here. */
function silenceBanner(): void {
  backend(); // chooses and makes the best one; asking for cpu first would have it made twice
  const cpu: unknown = findBackend('cpu');
  if (typeof cpu === 'object' && cpu !== null && 'firstUse' in cpu) cpu.firstUse = false;
}
