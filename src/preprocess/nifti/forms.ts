import type { ErrorCode } from '../../runtime/base/errors/catalog.ts';
import type { TextParams } from '../../runtime/base/text/fill-text.ts';
import { type Affine, centredAffine, determinant, type Vector, voxelSize, worldOf } from './affine.ts';
import { orientationOf } from './orient.ts';
import { affineFromQForm, quaternionLength } from './quaternion.ts';

/** What is odd in a file that can be read all the same; `preprocess check` tells it as a warning. */
export interface Oddity {
  readonly code: ErrorCode;
  readonly params: TextParams;
}

/** What a header says of the place of its voxels, in its own numbers. */
export interface Forms {
  /** Of the first three axes. */
  readonly shape: Vector;
  readonly sformCode: number;
  readonly qformCode: number;
  readonly sform: Affine;
  readonly quaternion: Vector;
  readonly qoffset: Vector;
  /** `pixdim[0]`, and the voxel sizes `pixdim[1]` to `pixdim[3]`. */
  readonly qfac: number;
  readonly pixdim: Vector;
}

export interface Position {
  readonly affine: Affine;
  readonly affineSource: 'sform' | 'qform' | 'pixdim';
  /** Whether the header says where right, front and top are, and does not contradict itself. */
  readonly hasSureAxes: boolean;
  readonly oddities: readonly Oddity[];
}

/** Voxel sizes count as one where they differ by less than this share: writers round them. */
const SIZE_SLACK = 0.01;
/** A quaternion is longer than 1 by rounding alone up to here. */
const LENGTH_SLACK = 1e-3;
/** Codes over this place the voxels in a space of other people, which a qform does not know. */
const ALIGNED = 2;

/**
 * The sform where its code is set, else the qform, else the voxel sizes alone (nifti1.h, methods 3, 2, 1). Without a code the first axis is taken to
 * grow to the left and the centre to be the origin, as nibabel, FSL and SPM do. Voxel sizes count without their sign, and 0 as 1, as in nibabel.
 * The affine may hold NaN or be singular: who asks checks it.
 */
export function positionOf(forms: Forms): Position {
  const { sformCode, qformCode } = forms;
  const sizes = sizeOddities(forms);
  if (sformCode > 0) {
    const oddities = qformCode > 0 ? compareForms(forms) : compareSizes(forms);
    const hasSureAxes = !(qformCode > 0 && contradicts(forms));
    return { affine: forms.sform, affineSource: 'sform', hasSureAxes, oddities: [...sizes, ...oddities] };
  }
  if (qformCode > 0) {
    const oddities = [...sizes, ...lengthOddities(forms)];
    return { affine: qformOf(forms), affineSource: 'qform', hasSureAxes: true, oddities };
  }
  const [x, y, z] = usableSizes(forms.pixdim);
  const noForm = { code: 'NF_CHECK_NO_FORM', params: {} } as const;
  return {
    affine: centredAffine(forms.shape, [-x, y, z]),
    affineSource: 'pixdim',
    hasSureAxes: false,
    oddities: [...sizes, noForm],
  };
}

/** Whether the two forms give the axes other directions, or one of them gives none. */
function contradicts(forms: Forms): boolean {
  const qform = qformOf(forms);
  return ![qform, forms.sform].every(isUsable) || orientationOf(qform) !== orientationOf(forms.sform);
}

function isUsable(affine: Affine): boolean {
  return affine.flat().every(Number.isFinite) && Math.abs(determinant(affine)) > 0;
}

function qformOf({ quaternion: [b, c, d], qfac, pixdim, qoffset }: Forms): Affine {
  return affineFromQForm({ b, c, d, qfac: qfac < 0 ? -1 : 1, pixdim: usableSizes(pixdim), offset: qoffset });
}

function usableSizes([x, y, z]: Vector): Vector {
  const usable = (size: number) => (size === 0 ? 1 : Math.abs(size));
  return [usable(x), usable(y), usable(z)];
}

/** Where NaN is, the affine fails its own check. */
function sizeOddities({ pixdim }: Forms): Oddity[] {
  if (!pixdim.some((size) => size <= 0)) return [];
  return [{ code: 'NF_CHECK_VOXEL_SIZE', params: { sizes: pixdim.map(shown).join(' x ') } }];
}

function lengthOddities({ quaternion }: Forms): Oddity[] {
  const length = quaternionLength(quaternion);
  if (!(length > 1 + LENGTH_SLACK)) return [];
  return [{ code: 'NF_CHECK_QUATERNION', params: { length: shown(length) } }];
}

function compareForms(forms: Forms): Oddity[] {
  const qform = qformOf(forms);
  const { sform, sformCode, shape } = forms;
  if (!qform.flat().every(Number.isFinite) || !sform.flat().every(Number.isFinite))
    return [differ('the qform holds values that are NaN or infinite')];
  if (!(Math.abs(determinant(sform)) > 0)) return [];
  const [axes, otherAxes] = [orientationOf(sform), orientationOf(qform)];
  if (axes !== otherAxes)
    return [differ(`the axes grow to ${axes} by the sform, to ${otherAxes} by the qform`)];
  const sizes = compareSizes(forms);
  if (sizes.length > 0) return sizes;
  if (sformCode > ALIGNED) return lengthOddities(forms);
  const far = farthest(sform, qform, shape);
  // A place that is off by less than a voxel's edge is a matter of rounding.
  return far > Math.max(...voxelSize(sform))
    ? [differ(`a corner of the image lies ${shown(far)} mm away by the qform`)]
    : lengthOddities(forms);
}

function compareSizes({ sform, pixdim }: Forms): Oddity[] {
  const [said, other] = [voxelSize(sform), usableSizes(pixdim)];
  // What is 0 in pixdim is told by itself.
  const same = said.every((size, axis) => {
    const difference = Math.abs(size - (other[axis] ?? size));
    return pixdim[axis] === 0 || !(difference > SIZE_SLACK * size);
  });
  if (same) return [];
  const text = (sizes: Vector) => sizes.map(shown).join(' x ');
  return [differ(`voxels are ${text(said)} by the sform, ${text(other)} by pixdim`)];
}

function differ(what: string): Oddity {
  return { code: 'NF_CHECK_FORMS', params: { what } };
}

/** The greatest distance between the places that two affines give to one corner of the image. */
function farthest(one: Affine, other: Affine, shape: Vector): number {
  let most = 0;
  for (let corner = 0; corner < 8; corner++) {
    const at = (axis: 0 | 1 | 2) => ((corner >> axis) & 1) * (shape[axis] - 1);
    const voxel: Vector = [at(0), at(1), at(2)];
    const [a, b] = [worldOf(one, voxel), worldOf(other, voxel)];
    most = Math.max(most, Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]));
  }
  return most;
}

function shown(value: number): string {
  return String(Number(value.toPrecision(4)));
}
