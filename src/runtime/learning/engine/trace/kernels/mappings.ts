import type { KernelMapping } from '../kernel-call.ts';
import { AVERAGE_POOL } from './average-pool.ts';
import { CONV } from './conv.ts';
import { DEPTHWISE } from './depthwise.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { GATHER } from './gather.ts';
import { MATMUL } from './matmul.ts';
import { MAX_POOL } from './max-pool.ts';
import { REDUCE } from './reduce.ts';
import { RESIZE } from './resize.ts';
import { SHAPE } from './shape.ts';

/** Every tfjs kernel that can be expressed in a graph; one file a family. */
export const KERNEL_MAPPINGS: Readonly<Record<string, KernelMapping | undefined>> = {
  ...AVERAGE_POOL,
  ...CONV,
  ...DEPTHWISE,
  ...ELEMENTWISE,
  ...GATHER,
  ...MATMUL,
  ...MAX_POOL,
  ...REDUCE,
  ...RESIZE,
  ...SHAPE,
};
