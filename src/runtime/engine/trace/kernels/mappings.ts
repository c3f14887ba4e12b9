import type { KernelMapping } from '../kernel-call.ts';
import { CONV2D } from './conv2d.ts';
import { DEPTHWISE } from './depthwise.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { GATHER } from './gather.ts';
import { MATMUL } from './matmul.ts';
import { POOL } from './pool.ts';
import { REDUCE } from './reduce.ts';
import { RESIZE } from './resize.ts';
import { SHAPE } from './shape.ts';

/** Every tfjs kernel that can be expressed in a graph; one file a family. */
export const KERNEL_MAPPINGS: Readonly<Record<string, KernelMapping | undefined>> = {
  ...CONV2D,
  ...DEPTHWISE,
  ...ELEMENTWISE,
  ...GATHER,
  ...MATMUL,
  ...POOL,
  ...REDUCE,
  ...RESIZE,
  ...SHAPE,
};
