import { describe, expect, it } from 'vitest';
import { benchEngines } from '../../../../src/runtime/learning/engine/bench/bench-engines.ts';
import {
  referenceBatch,
  referenceModel,
} from '../../../../src/runtime/learning/engine/bench/reference-model.ts';
import { benchReport } from '../../../../src/runtime/learning/engine/bench/report.ts';
import { benchReportSchema } from '../../../../src/runtime/learning/engine/bench/report-schema.ts';

const tiny = { imageSize: 8, batchSize: 4, threads: 1, seconds: 0.05 };

describe('the bench of engines', () => {
  it('trains the model that the figures of the docs are about', () => {
    const model = referenceModel(128);
    expect(model.countParams()).toBe(105_668);
    expect(model.outputs[0]?.shape).toEqual([null, 4]);
    expect(referenceBatch({ imageSize: 8, batchSize: 4 }).x).toHaveLength(4 * 64);
  });

  it('measures every engine that is at hand, and says what computes', async () => {
    const speeds = await benchEngines({ ...tiny, engines: ['ort', 'cpu'] });
    expect(speeds.map(({ name, build }) => `${name} ${build}`)).toEqual([
      'ort native',
      'ort wasm',
      'cpu javascript',
    ]);
    for (const { verdict, speed, info } of speeds.filter(({ verdict }) => verdict !== 'absent')) {
      expect(verdict).toBe('measured');
      expect(info?.threads).toBe(1);
      expect(speed?.steps).toBeGreaterThan(0);
      const { imagesPerSecond = 0, stepMilliseconds = 0 } = speed ?? {};
      expect((imagesPerSecond * stepMilliseconds) / 1000).toBeCloseTo(tiny.batchSize, 6);
    }
  });

  it('takes a step longer than the time for the only one', async () => {
    const [speed] = await benchEngines({ ...tiny, engines: ['cpu'], seconds: 0 });
    expect(speed?.speed?.steps).toBe(1);
  });

  it('leaves the cpu engine out unless it is named, and tells engines in turn', async () => {
    const seen: string[] = [];
    const speeds = await benchEngines({ ...tiny, onEngine: (name) => seen.push(name) });
    expect(seen).toEqual(['ort (native)', 'ort (wasm)', 'tensorflow (native)']);
    for (const { verdict, reason } of speeds) if (verdict === 'absent') expect(reason).toBeTruthy();
  });

  it('stops between steps', async () => {
    const signal = AbortSignal.timeout(200);
    const bench = benchEngines({ ...tiny, engines: ['ort'], seconds: 3600, signal });
    await expect(bench).rejects.toThrow('aborted');
  });

  it('reports what its schema says, with the machine', async () => {
    const report = await benchReport({ ...tiny, engines: ['ort'] });
    expect(benchReportSchema.strict().parse(report)).toEqual(report);
    expect(report.engines[0]).toMatchObject({ name: 'ort', device: 'cpu', threads: 1 });
    expect(report.engines.some(({ images_per_second: speed }) => Number(speed) > 0)).toBe(true);
  });
});
