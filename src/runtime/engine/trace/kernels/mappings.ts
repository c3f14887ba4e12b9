import type { KernelMapping } from '../kernel-call.ts';
import { CONV2D } from './conv2d.ts';
import { CONV3D } from './conv3d.ts';
import { DEPTHWISE } from './depthwise.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { GATHER } from './gather.ts';
import { MATMUL } from './matmul.ts';
import { POOL } from './pool.ts';
import { POOL3D } from './pool3d.ts';
import { REDUCE } from './reduce.ts';
import { RESIZE } from './resize.ts';
import { SHAPE } from './shape.ts';

/** Every tfjs kernel that can be expressed in a graph; one file a family. */
export const KERNEL_MAPPINGS: Readonly<Record<string, KernelMapping | undefined>> = {
  ...CONV2D,
  ...CONV3D,
  ...DEPTHWISE,
  ...ELEMENTWISE,
  ...GATHER,
  ...MATMUL,
  ...POOL,
  ...POOL3D,
  ...REDUCE,
  ...RESIZE,
  ...SHAPE,
};
