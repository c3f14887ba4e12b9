import { f32At } from '../../runtime/base/at.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { DATA_LIMITS } from '../../runtime/base/limits.ts';
import type { Vector } from '../nifti/affine.ts';
import { reorient } from '../nifti/orient.ts';
import { BIAS_FIELD_DEFAULTS, estimateBiasField } from './bias-field/bias-field.ts';
import { boxOf, crop, middleBox, valuesIn } from './crop.ts';
import { findHead } from './head-mask.ts';
import { applyMap, type IntensityMap, percentileMap, whiteStripeMap, zScoreMap } from './intensity.ts';
import { applyKnots, knotsOf, landmarksOf } from './landmarks.ts';
import type { Pipeline, Step } from './pipeline.ts';
import { moved } from './registration/move.ts';
import type { Registration } from './registration/register.ts';
import { readTemplate } from './registration/template-file.ts';
import { toTemplate } from './registration/to-template.ts';
import { type Interpolation, regridded, resampleTo } from './resample.ts';
import type { Mask, Scan } from './scan.ts';

/** A volume on its way; the head's mask goes through every step with it once a step has asked for it. */
export interface Prepared {
  readonly scan: Scan;
  readonly head?: Mask;
  /** Of the last step `register`. */
  readonly registration?: Registration;
}

/**
 * Does the steps of a pipeline one after the other. A `resample` beside a `register` is no step of its own: both are one resampling.
 * @param file named in errors
 * @throws NF_PREPARE_LARGE where a step would make more voxels than an image may have; NF_PREPARE_BLANK where a step needs the head and the volume shows nothing; as `readTemplate` and `toTemplate`
 */
export async function runPipeline(scan: Scan, { steps }: Pipeline, file: string): Promise<Prepared> {
  let prepared: Prepared = { scan };
  for (const step of joined(steps)) prepared = { ...prepared, ...(await doStep(prepared, step, file)) };
  return prepared;
}

/** What a `resample` before a `register` gives would be resampled once more; of one behind it the voxels are those of the `register`. */
function joined(steps: readonly Step[]): Step[] {
  return steps.flatMap((step, at): Step[] => {
    const [before, after] = [steps[at - 1], steps[at + 1]];
    if (step.step === 'resample')
      return [before, after].some((other) => other?.step === 'register') ? [] : [step];
    if (step.step !== 'register' || after?.step !== 'resample') return [step];
    return [{ ...step, voxel: after.voxel, interpolation: after.interpolation }];
  });
}

/** @throws as `runPipeline` */
export async function doStep(prepared: Prepared, step: Step, file: string): Promise<Prepared> {
  switch (step.step) {
    case 'reorient':
      return bothBy(prepared, (scan) => spatial(reorient(scan, step.to)));
    case 'resample':
      requireRoom(regridded(prepared.scan, sizesOf(step.voxel)).shape, { step: step.step, file });
      return bothBy(prepared, (scan, how) => resampleTo(scan, sizesOf(step.voxel), how), step.interpolation);
    case 'register':
      return registered(withHead(prepared, file), step, file);
    case 'fit':
      requireRoom(step.shape, { step: step.step, file });
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
export function withHead({ scan, head }: Prepared, file: string): Pick<Required<Prepared>, 'scan' | 'head'> {
  const found = head ?? findHead(scan);
  if (!found) throw blank(file);
  return { scan, head: found };
}

export function blank(file: string) {
  return flError('NF_PREPARE_BLANK', { file }, { place: { file } });
}

type RegisterStep = Extract<Step, { step: 'register' }>;

async function registered(
  { scan, head }: Pick<Required<Prepared>, 'scan' | 'head'>,
  { template, voxel, interpolation }: RegisterStep,
  file: string,
): Promise<Prepared> {
  const ready = await readTemplate(template);
  const registration = toTemplate({ scan, mask: head }, ready, { file, template: template.name });
  const { scan: wanted } = ready.head;
  const grid = voxel === undefined ? wanted : regridded(wanted, sizesOf(voxel));
  requireRoom(grid.shape, { step: 'register', file });
  const move = (each: Scan, how: Interpolation) =>
    moved(each, registration.matrix, { grid, interpolation: how });
  return { ...bothBy({ scan, head }, move, interpolation), registration };
}

/** Sides beyond this do not fit the header of a NIfTI-1 file. */
const MOST_SIDE = 32767;
const MOST_VOXELS = DATA_LIMITS.image_bytes.most / Float32Array.BYTES_PER_ELEMENT;

/** Voxel sizes are those of a header, and of a pipeline: a head of metres in voxels of a millimetre is more than a machine has. @throws NF_PREPARE_LARGE */
function requireRoom(shape: Vector, { step, file }: { step: string; file: string }): void {
  const voxels = shape.reduce((product, size) => product * size, 1);
  if (voxels <= MOST_VOXELS && Math.max(...shape) <= MOST_SIDE) return;
  const params = { file, step, shape: shape.join(' x '), most: MOST_VOXELS, side: MOST_SIDE };
  throw flError('NF_PREPARE_LARGE', params, { place: { file } });
}

function sizesOf(voxel: number | Vector): Vector {
  return typeof voxel === 'number' ? [voxel, voxel, voxel] : voxel;
}

/** The same change of place for the volume and its mask. Between voxels the volume is interpolated as is said, the mask always by the nearest. */
function bothBy(
  { scan, head }: Prepared,
  change: (scan: Scan, how: Interpolation) => Scan,
  interpolation: Interpolation = 'nearest',
): Prepared {
  const changed = change(scan, interpolation);
  if (!head) return { scan: changed };
  const mask = change({ ...scan, data: new Float32Array(head) }, 'nearest');
  return { scan: changed, head: new Uint8Array(mask.data) };
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
