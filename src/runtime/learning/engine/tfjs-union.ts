import './tfjs.ts';
import { version_core } from '@tensorflow/tfjs-core';
import { version_layers } from '@tensorflow/tfjs-layers';
import { flError } from '../../base/errors/errors.ts';

/**
 * What a script gets that imports `@tensorflow/tfjs`: core, layers and the cpu backend, as the same instances that the engines use. The
 * package of that name is not installed: three quarters of it are bundles for browsers.
 */
export * from '@tensorflow/tfjs-core';
export * from '@tensorflow/tfjs-layers';

export const version = { tfjs: version_core, 'tfjs-core': version_core, 'tfjs-layers': version_layers };

/** `tf.data` and graph models are packages of their own, which a job may have beside it. */
export const data = new Proxy(
  {},
  {
    get: (_, name) =>
      typeof name === 'string' ? missing(`tf.data.${name}`, '@tensorflow/tfjs-data') : undefined,
  },
);

export function loadGraphModel(): never {
  return missing('tf.loadGraphModel', '@tensorflow/tfjs-converter');
}

function missing(name: string, from: string): never {
  throw flError('NF_TFJS_PART', { name, package: from });
}
