import { z } from 'zod';
import type { Reducer } from '../reducer.ts';

/** The base, moved to the mean by 1 - decay of the way: the exponential moving average of models, in their own type. */
export const ema: Reducer<{ decay: number }> = {
  name: 'ema',
  options: z.object({ decay: z.number() }),
  step({ base, mean, out }, { decay }) {
    for (let index = 0; index < out.length; index++)
      out[index] = decay * (base[index] ?? 0) + (1 - decay) * (mean[index] ?? 0);
  },
};
