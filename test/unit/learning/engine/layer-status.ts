import '@tensorflow/tfjs-backend-cpu';
import { getKernelsForBackend } from '@tensorflow/tfjs-core';
import { KERNEL_MAPPINGS } from '../../../../src/runtime/learning/engine/trace/kernels/mappings.ts';
import { LAYER_TABLE, type Outcome } from './layer-table.ts';

const STATUS: Record<Outcome, string> = {
  agrees: 'trains, as on the cpu engine',
  derivative:
    "trains; TensorFlow.js's cpu backend has the gradient wrong or none, so it is held against differences",
  unmapped: '`NF_ENGINE_KERNEL_UNMAPPED` on ort',
  beyond: 'trains on ort, though TensorFlow.js 4.22 itself has no gradient for it',
  tfjs: 'TensorFlow.js 4.22 itself cannot train it, on any engine',
};

/** The table of docs/engine.md. */
export function layerStatus(): string {
  const rows = Object.entries(STATUS).map(([outcome, status]) => {
    const names = LAYER_TABLE.filter((layer) => layer.outcome === outcome).map(({ name }) => name);
    return `| ${status} | ${names.join('; ')} |`;
  });
  return ['| status | layers and variants |', '| --- | --- |', ...rows, ''].join('\n');
}

/** The kernels of TensorFlow.js that a graph can have, and those of its cpu backend that it cannot, for docs/engine.md. */
export function kernelStatus(): string {
  const mapped = Object.keys(KERNEL_MAPPINGS);
  const missing = getKernelsForBackend('cpu')
    .map(({ kernelName }) => kernelName)
    .filter((name) => !mapped.includes(name));
  const list = (names: string[]) => [...new Set(names)].sort().join(', ');
  return [
    '| status | kernels |',
    '| --- | --- |',
    `| mapped (${mapped.length}) | ${list(mapped)} |`,
    `| \`NF_ENGINE_KERNEL_UNMAPPED\` | ${list(missing)} |`,
    '',
  ].join('\n');
}
