import { f32At } from '../../runtime/base/at.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import type { Vector } from '../nifti/affine.ts';
import { reorient } from '../nifti/orient.ts';
import { BIAS_FIELD_DEFAULTS, estimateBiasField } from './bias-field/bias-field.ts';
import { boxOf, crop, middleBox, valuesIn } from './crop.ts';
import { findHead } from './head-mask.ts';
import { applyMap, type IntensityMap, percentileMap, whiteStripeMap, zScoreMap } from './intensity.ts';
import { applyKnots, knotsOf, landmarksOf } from './landmarks.ts';
import type { Pipeline, Step } from './pipeline.ts';
import { type Interpolation, resampleTo } from './resample.ts';
import type { Mask, Scan } from './scan.ts';

/** A volume on its way; the head's mask goes through every step with it once a step has asked for it. */
export interface Prepared {
  readonly scan: Scan;
  readonly head?: Mask;
}

/**
 * Does the steps of a pipeline one after the other.
 * @param file named in errors
 * @throws NF_PREPARE_BLANK where a step needs the head and the volume shows nothing
 */
export function runPipeline(scan: Scan, { steps }: Pipeline, file: string): Prepared {
  return steps.reduce<Prepared>((prepared, step) => doStep(prepared, step, file), { scan });
}

function doStep(prepared: Prepared, step: Step, file: string): Prepared {
  switch (step.step) {
    case 'reorient':
      return bothBy(prepared, (scan) => spatial(reorient(scan, step.to)));
    case 'resample':
      return resampled(prepared, step);
    case 'fit':
      return bothBy(prepared, (scan) => crop(scan, middleBox(scan, step.shape)));
    case 'crop': {
      const { scan, head } = withHead(prepared, file);
      const box = boxOf(head, scan, step.margin);
      if (!box) throw blank(file);
      return bothBy({ scan, head }, (each) => crop(each, box));
    }
    case 'bias_field': {
      const { scan, head } = withHead(prepared, file);
      const { shrink, convergence, iterations } = step;
      const field = estimateBiasField(scan, head, {
        ...BIAS_FIELD_DEFAULTS,
        shrink,
        convergence,
        iterations,
      });
      return { head, scan: { ...scan, data: scan.data.map((value, at) => value / f32At(field, at)) } };
    }
    case 'intensity': {
      const { scan, head } = withHead(prepared, file);
      const data = onOneScale(scan.data, valuesIn(scan.data, head), step);
      if (!data) throw blank(file);
      return { head, scan: { ...scan, data } };
    }
  }
}

type IntensityStep = Extract<Step, { step: 'intensity' }>;

/** @param values those inside the head. Undefined where they have no contrast. */
function onOneScale(data: Float32Array, values: Float32Array, step: IntensityStep): Float32Array | undefined {
  if (values.length === 0) return undefined;
  if (step.scale) {
    const landmarks = landmarksOf(values);
    return landmarks && applyKnots(data, knotsOf(landmarks, step.scale.landmarks));
  }
  const map = mapOf(values, step);
  return map && applyMap(data, map);
}

function mapOf(values: Float32Array, step: IntensityStep): IntensityMap | undefined {
  if (step.method === 'percentiles') return percentileMap(values, step);
  return step.method === 'z_score' ? zScoreMap(values) : whiteStripeMap(values, step.width);
}

/** @throws NF_PREPARE_BLANK */
export function withHead({ scan, head }: Prepared, file: string): Required<Prepared> {
  const found = head ?? findHead(scan);
  if (!found) throw blank(file);
  return { scan, head: found };
}

export function blank(file: string) {
  return flError('NF_PREPARE_BLANK', { file }, { place: { file } });
}

function resampled({ scan, head }: Prepared, step: Extract<Step, { step: 'resample' }>): Prepared {
  const voxel: Vector = typeof step.voxel === 'number' ? [step.voxel, step.voxel, step.voxel] : step.voxel;
  const by = (each: Scan, interpolation: Interpolation) => resampleTo(each, voxel, interpolation);
  const moved = by(scan, step.interpolation);
  if (!head) return { scan: moved };
  return { scan: moved, head: maskOf(by({ ...scan, data: Float32Array.from(head) }, 'nearest').data) };
}

/** The same change of place for the volume and its mask. */
function bothBy({ scan, head }: Prepared, change: (scan: Scan) => Scan): Prepared {
  const changed = change(scan);
  if (!head) return { scan: changed };
  return { scan: changed, head: maskOf(change({ ...scan, data: Float32Array.from(head) }).data) };
}

function maskOf(data: Float32Array): Mask {
  return Uint8Array.from(data);
}

function spatial({
  shape,
  data,
  affine,
}: {
  shape: readonly number[];
  data: Float32Array;
  affine: Scan['affine'];
}): Scan {
  return { shape: [shape[0] ?? 1, shape[1] ?? 1, shape[2] ?? 1], data, affine };
}
