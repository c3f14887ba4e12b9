import { expect, it } from 'vitest';
import { createRandom } from '../../../../src/runtime/base/random.ts';
import { rowsOfStep } from '../../../../src/runtime/learning/trainer/step-rows.ts';

it('a step has rows for every picture, no more than asked for, and few sizes', () => {
  const random = createRandom('rows');
  const sizes = new Set<number>();
  for (let turn = 0; turn < 1000; turn++) {
    const [asked, pictures] = [1 + random.int(5000), 1 + random.int(5000)];
    const rows = rowsOfStep(asked, pictures);
    expect(rows).toBeLessThanOrEqual(asked);
    expect(rows).toBeGreaterThanOrEqual(Math.min(asked, pictures));
    if (asked > 256) expect(rows).toBeLessThanOrEqual(Math.max(256, 2 * pictures));
    if (asked <= 256) expect(rows).toBe(asked);
    else if (rows !== asked) sizes.add(rows);
  }
  expect([...sizes].toSorted((a, b) => a - b)).toEqual([256, 512, 1024, 2048, 4096]);
});
