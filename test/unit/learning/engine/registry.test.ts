import { describe, expect, it } from 'vitest';
import { loadTensorflow } from '../../../../src/runtime/learning/engine/eager/tensorflow-engine.ts';
import { createEngine } from '../../../../src/runtime/learning/engine/registry.ts';
import { surveyEngines } from '../../../../src/runtime/learning/engine/survey.ts';

const tensorflow = await loadTensorflow().catch(() => undefined);
const hasGpu = tensorflow?.device === 'gpu';

describe('choosing an engine', () => {
  it('takes the named one', async () => {
    for (const name of ['ort', 'cpu'] as const) {
      const { engine, warning } = await createEngine(name);
      expect(engine.describe()).toMatchObject({ name, device: 'cpu', threads: 1 });
      expect(warning).toBeUndefined();
    }
  });

  it.skipIf(hasGpu)('takes ort by itself where there is no GPU, and says why', async () => {
    const { engine } = await createEngine('auto');
    expect(engine.name).toBe('ort');
    expect(engine.describe().reason).toMatch(/^auto: /);
  });

  it.skipIf(tensorflow)('names what brings tensorflow where it is absent', async () => {
    await expect(createEngine('tensorflow')).rejects.toMatchObject({
      code: 'NF_ENGINE_UNAVAILABLE',
      exitCode: 4,
      message: expect.stringContaining('@tensorflow/tfjs-node'),
      hint: expect.stringContaining('neuroflare engine install tensorflow'),
    });
  });

  it.skipIf(hasGpu)(
    'warns where the GPU asked for cannot be used, and stops where it is required',
    async () => {
      for (const choice of ['auto', 'ort', 'cpu'] as const) {
        const { engine, warning } = await createEngine(choice, { gpu: '0' });
        expect(engine.device).toBe('cpu');
        expect(warning).toMatch(/^GPU 0 is not used, computing on the CPU: /);
        await expect(createEngine(choice, { requireGpu: true })).rejects.toMatchObject({
          code: 'NF_ENGINE_GPU_MISSING',
          exitCode: 4,
        });
      }
    },
  );

  it('refuses what is not a list of GPUs', async () => {
    for (const gpu of ['', 'x', '-1', '0,', '0;1']) {
      await expect(createEngine('cpu', { gpu })).rejects.toMatchObject({ code: 'NF_ENGINE_GPU_INVALID' });
    }
  });

  it('passes the number of threads on', async () => {
    const { engine } = await createEngine('ort', { threads: 2 });
    expect(engine.describe().threads).toBe(2);
  });

  it('lists all engines, one of them the automatic choice', async () => {
    const engines = await surveyEngines();
    expect(engines.map(({ name, build }) => `${name} ${build}`)).toEqual([
      'ort native',
      'ort wasm',
      'tensorflow native',
      'cpu javascript',
    ]);
    expect(engines.filter(({ auto }) => auto)).toHaveLength(1);
    for (const { available, info, reason, advice } of engines) {
      expect(available ? info?.version : reason && advice).toMatch(/\w/);
    }
  });
});
