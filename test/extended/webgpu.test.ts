import { describe, expect, it } from 'vitest';
import { createEngine } from '../../src/runtime/learning/engine/registry.ts';
import { describeEngine } from '../conformance/engine.ts';
import { describeEngineOptions } from '../conformance/engine-options.ts';

/** The folder with SwiftShader, a GPU in software (scripts/install-extended-parts.sh); scripts/test.js makes Vulkan find it. */
const PRESENT = process.env.NEUROFLARE_SWIFTSHADER !== undefined;

const make = async () => (await createEngine('ort', { gpu: '0', requireGpu: true })).engine;

describe.skipIf(!PRESENT)('a GPU by WebGPU', () => {
  it('is taken by --gpu 0, and said', async () => {
    const { engine, warning } = await createEngine('auto', { gpu: '0' });
    expect(warning).toBeUndefined();
    expect(engine.describe()).toMatchObject({ name: 'ort', device: 'gpu', provider: 'webgpu', gpu: 0 });
    expect((await createEngine('auto')).engine.device).toBe('cpu');
  });

  it('is the first one only', async () => {
    const { warning } = await createEngine('ort', { gpu: '1' });
    expect(warning).toContain("the system's first GPU only");
  });

  describeEngine('ort (WebGPU)', make);
  describeEngineOptions('ort (WebGPU)', make);
});
