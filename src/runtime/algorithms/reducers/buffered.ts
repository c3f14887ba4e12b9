import { z } from 'zod';
import type { Reducer } from '../reducer.ts';

/** The weighted sum of the sites' differences, each to the model that its site received, at a learning rate. */
export const buffered: Reducer<{ learningRate: number }> = {
  name: 'buffered',
  options: z.object({ learningRate: z.number() }),
  of: 'differences',
  step({ base, mean, out }, { learningRate }) {
    for (let index = 0; index < out.length; index++) {
      const before = base[index] ?? 0;
      out[index] = before + learningRate * ((mean[index] ?? 0) - before);
    }
  },
};
