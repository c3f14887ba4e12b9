import type { Affine } from '../nifti/affine.ts';
import type { Grid } from '../volume/grid.ts';
import { changesValues, type Pipeline, type Step } from './pipeline.ts';
import { moved } from './registration/move.ts';
import type { Interpolation } from './resample.ts';
import { doStep, type Prepared } from './run-pipeline.ts';
import type { Mask, Scan } from './scan.ts';

/** Where the first channel of an example has come to lie, for those that follow it. */
export interface Placement {
  readonly grid: Grid;
  /** From a place of that grid's world to one of the world in which the example was scanned. */
  readonly matrix: Affine;
  /** The head of the first channel on that grid, where a step has asked for it. */
  readonly head: Mask | undefined;
}

/**
 * Does the steps of a pipeline on a further channel of an example. Steps that change values are its own; those that change places are one resampling onto
 * the grid of the first channel, where the last of them stands. From there on the head is that of the first channel.
 * @param file named in errors
 * @throws as `runPipeline`
 */
export async function followPipeline(
  scan: Scan,
  { steps }: Pipeline,
  { placement, file }: { placement: Placement; file: string },
): Promise<Scan> {
  const last = steps.findLastIndex((step) => !changesValues(step));
  let prepared: Prepared = last === -1 ? placed(scan, placement, 'linear') : { scan };
  for (const [at, step] of steps.entries()) {
    if (changesValues(step)) prepared = await doStep(prepared, step, file);
    else if (at === last) prepared = placed(prepared.scan, placement, interpolationOf(steps));
  }
  return prepared.scan;
}

function interpolationOf(steps: readonly Step[]): Interpolation {
  const step = steps.findLast((one) => 'interpolation' in one);
  return step && 'interpolation' in step ? step.interpolation : 'linear';
}

function placed(scan: Scan, { grid, matrix, head }: Placement, interpolation: Interpolation): Prepared {
  return { scan: moved(scan, matrix, { grid, interpolation }), ...(head && { head }) };
}
