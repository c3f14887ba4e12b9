import { expect, it } from 'vitest';
import { shareMemory } from '../../../src/runtime/experiment/memory-share.ts';

it('memory is shared among the runs under way, and each has the most that fell to it', () => {
  let resident = 100;
  const memory = shareMemory(() => resident);
  const first = memory.begin();
  resident = 120;
  const second = memory.begin();
  resident = 300;
  expect(second()).toBe(150);
  resident = 80;
  expect(first()).toBe(150);
  resident = 40;
  expect(memory.begin()()).toBe(40);
});
