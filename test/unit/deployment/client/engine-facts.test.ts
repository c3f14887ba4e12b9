import { expect, it } from 'vitest';
import { engineFacts } from '../../../../src/runtime/deployment/client/engine-facts.ts';
import { createEngine } from '../../../../src/runtime/learning/engine/registry.ts';

const FACTS = {
  name: 'ort',
  device: 'cpu',
  library: 'onnxruntime-node 1.30.0 native',
  detail: '2 threads a site; chosen by Maria Muster',
};

it('leave without the reason why an engine was chosen', () => {
  expect(engineFacts(FACTS)).toEqual({ ...FACTS, detail: '2 threads a site' });
});

it.each(['ort', 'cpu'] as const)('of the engine %s leave', async (choice) => {
  const { name, device, library, version, build } = (await createEngine(choice)).engine.describe();
  const use = { name, device, library: `${library} ${version} ${build}`, detail: '1 thread a site; x' };
  expect(engineFacts(use)).toEqual({ ...use, detail: '1 thread a site' });
});

it.each([
  ['name', 'Maria Muster'],
  ['device', 'born 1950'],
  ['library', 'glioblastoma 1.0.0 native'],
  ['library', 'onnxruntime-node 1.123456789.0 native'],
  ['library', 'onnxruntime-node 1.30.0 native Maria'],
  ['detail', 'glioblastoma'],
  ['detail', '1234567 threads a site'],
])('do not leave with a %s of the script: %s', (key, text) => {
  expect(engineFacts({ ...FACTS, [key]: text })).toBeUndefined();
});
