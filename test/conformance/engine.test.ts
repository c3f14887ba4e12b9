import { describe, it } from 'vitest';
import { createOrtEngine } from '../../src/runtime/learning/engine/ort/ort-engine.ts';
import { loadNativeRuntime, loadWasmRuntime } from '../../src/runtime/learning/engine/ort/runtime.ts';
import { makeEngine } from '../../src/runtime/learning/engine/registry.ts';
import { describeEngine } from './engine.ts';
import { describeEngineOptions } from './engine-options.ts';

const native = await loadNativeRuntime(1).then(
  () => true,
  () => false,
);

const wasm = async () => createOrtEngine(await loadWasmRuntime(1), 'test');
for (const describeSuite of [describeEngine, describeEngineOptions]) {
  describeSuite('cpu', () => makeEngine('cpu', 'test'));
  describeSuite('ort (wasm)', wasm);
  if (native) describeSuite('ort (native)', async () => createOrtEngine(await loadNativeRuntime(1), 'test'));
  else describe.skip('engine ort (native)', () => it('needs onnxruntime-node'));
}
// The tensorflow engine goes through the same suites in test/extended, where its native library is built.
