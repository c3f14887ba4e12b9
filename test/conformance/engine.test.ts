import { describe, it } from 'vitest';
import { loadTensorflow } from '../../src/runtime/engine/eager/tensorflow-engine.ts';
import { createOrtEngine } from '../../src/runtime/engine/ort/ort-engine.ts';
import { loadNativeRuntime, loadWasmRuntime } from '../../src/runtime/engine/ort/runtime.ts';
import { makeEngine } from '../../src/runtime/engine/registry.ts';
import { describeEngine } from './engine.ts';

const available = (load: Promise<unknown>) =>
  load.then(
    () => true,
    () => false,
  );
const [native, tensorflow] = await Promise.all([
  available(loadNativeRuntime(1)),
  available(loadTensorflow()),
]);

describeEngine('cpu', () => makeEngine('cpu', 'test'));
describeEngine('ort (wasm)', async () => createOrtEngine(await loadWasmRuntime(1), 'test'));
if (native) describeEngine('ort (native)', async () => createOrtEngine(await loadNativeRuntime(1), 'test'));
else describe.skip('engine ort (native)', () => it('needs onnxruntime-node'));
if (tensorflow) describeEngine('tensorflow', () => makeEngine('tensorflow', 'test'));
else describe.skip('engine tensorflow', () => it("needs TensorFlow's native library"));
