import { describe, it } from 'vitest';
import { createOrtEngine } from '../../src/runtime/engine/ort/ort-engine.ts';
import { loadNativeRuntime, loadWasmRuntime } from '../../src/runtime/engine/ort/runtime.ts';
import { makeEngine } from '../../src/runtime/engine/registry.ts';
import { describeEngine } from './engine.ts';

const native = await loadNativeRuntime(1).then(
  () => true,
  () => false,
);

describeEngine('cpu', () => makeEngine('cpu', 'test'));
describeEngine('ort (wasm)', async () => createOrtEngine(await loadWasmRuntime(1), 'test'));
if (native) describeEngine('ort (native)', async () => createOrtEngine(await loadNativeRuntime(1), 'test'));
else describe.skip('engine ort (native)', () => it('needs onnxruntime-node'));
// The tensorflow engine goes through the same suite in test/extended, where its native library is built.
