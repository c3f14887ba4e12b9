import { f64At, u8At } from '../../../runtime/base/at.ts';
import {
  type Affine,
  AXES,
  composed,
  IDENTITY,
  inverseOf,
  type Row,
  type Vector,
  voxelSize,
  worldOf,
} from '../../nifti/affine.ts';
import { findWindow } from '../../picture/intensity.ts';
import { type Box, boxOf } from '../crop.ts';
import { coarsened } from '../resample.ts';
import type { Mask, Scan } from '../scan.ts';
import { type Evaluated, maximise } from './maximise.ts';
import {
  type Fit,
  filtered,
  type MovingImage,
  MutualInformation,
  type Samples,
} from './mutual-information.ts';
import { AFFINE, affineValues, type Motion, type Parameters, RADIUS, RIGID } from './parameters.ts';
import { drawSamples } from './samples.ts';

/** A volume with its head. */
export interface Head {
  readonly scan: Scan;
  readonly mask: Mask;
}

/** Looks at the images, from coarse to fine; all in mm. */
interface Level {
  readonly voxel: number;
  /** Between samples. */
  readonly spacing: number;
  readonly parameters: Parameters;
}

const LEVELS: readonly Level[] = [
  { voxel: 8, spacing: 8, parameters: RIGID },
  { voxel: 4, spacing: 5, parameters: RIGID },
  { voxel: 4, spacing: 5, parameters: AFFINE },
  { voxel: 2, spacing: 4, parameters: AFFINE },
  { voxel: 1, spacing: 3, parameters: AFFINE },
];
const VOXELS = [1, 2, 4, 8] as const;
/** Around the head of the template: its border says as much as what is in it. */
const MARGIN = 15;
const ITERATIONS = 60;

/** Where the first search begins: nods of up to 40 degrees, other turns of 20, and necks of other lengths. */
const NODS = [0, -20, 20, -40, 40];
const TURNS = [0, -20, 20];
const LIFTS = [0, -30, 30];
/** Of those, so many are followed. */
const FOLLOWED = 4;

/** A template, ready for any number of heads. */
export interface Template {
  readonly head: Head;
  readonly centre: Vector;
  /** By the voxel of the level. */
  readonly levels: ReadonlyMap<number, TemplateLevel>;
}

interface TemplateLevel {
  readonly scan: Scan;
  readonly box: Box;
  readonly window: { readonly black: number; readonly white: number };
}

/** Undefined for a volume that shows nothing. */
export function prepareTemplate({ scan, mask }: Head): Template | undefined {
  const box = boxOf(mask, scan, MARGIN);
  if (!box) return undefined;
  const levels = new Map<number, TemplateLevel>();
  for (const [voxel, level] of pyramid(scan)) {
    const window = findWindow(level.data);
    if (!window) return undefined;
    levels.set(voxel, { scan: level, box: onLevel(box, scan, level), window });
  }
  return { head: { scan, mask }, centre: centreOf({ scan, mask }), levels };
}

export interface Registration {
  /** From a place of the template to that of the same tissue in the moving image, both in mm of their worlds. */
  readonly matrix: Affine;
  /** Mutual information on the finest level, in nats. */
  readonly information: number;
  /** Where both show their head: mutual information, as a share of what the template's values could tell. */
  readonly share: number;
  /** Share of the template's head, with a margin, that the moving image shows. */
  readonly overlap: number;
}

/**
 * The affine motion (12 parameters) under which an image says most about a template: mutual information (Mattes et al. 2003) on a
 * pyramid, first of rigid motions from many starts, then of affine ones. The same images give the same bits.
 */
export function register(template: Template, moving: Head): Registration {
  const levels = pyramid(moving.scan);
  const centre = centreOf(moving);
  const matching = (level: Level) =>
    new Matching(template, { level, centre, scan: levels.get(level.voxel) ?? moving.scan });
  const [coarsest, ...finer] = LEVELS.map(matching);
  if (!coarsest) throw new Error('There is no level.');
  let last = coarsest;
  let values = coarsest.search();
  for (const next of finer) {
    values = next.follow(last.inParametersOf(next, values));
    last = next;
  }
  const { information, overlap } = last.fitOf(values);
  const matrix = worldMatrix(last.motion(values), template.centre, centre);
  const showsTemplate = lookUp(template.head);
  const showsMoving = lookUp(moving, matrix);
  const inside = last.inside(values, (place) => {
    const world = plus(place, template.centre);
    return showsTemplate(world) && showsMoving(world);
  });
  return { matrix, information, share: inside.information / inside.entropy, overlap };
}

/** One level of both images. */
class Matching {
  readonly #level: Level;
  readonly #samples: Samples;
  readonly #moving: MovingImage;
  readonly #information: MutualInformation;
  readonly #fromWorld: Affine;
  readonly #centre: Vector;

  constructor({ levels, centre }: Template, moving: { level: Level; scan: Scan; centre: Vector }) {
    const { level } = moving;
    const own = levels.get(level.voxel);
    if (!own) throw new Error('The template lacks a level.');
    this.#level = level;
    this.#centre = moving.centre;
    this.#fromWorld = inverseOf(moving.scan.affine);
    const samples: Samples = drawSamples(own.scan, own.box, {
      spacing: level.spacing,
      centre,
      window: own.window,
    });
    this.#samples = samples;
    this.#moving = windowed(moving.scan);
    this.#information = new MutualInformation(samples, this.#moving);
  }

  /** The best values from many starts. */
  search(): Float64Array {
    const rank = (all: readonly Float64Array[]) =>
      all
        .map((values) => ({ values, value: this.#at(values).value }))
        .filter(({ value }) => !Number.isNaN(value))
        .toSorted((a, b) => b.value - a.value)
        .map(({ values }) => values);
    const followed = rank(startsOf()).slice(0, FOLLOWED);
    return (
      rank(followed.map((values) => this.follow(values)))[0] ?? new Float64Array(this.#level.parameters.count)
    );
  }

  follow(start: Float64Array): Float64Array {
    const { voxel } = this.#level;
    const search = { longest: voxel, shortest: voxel / 500, iterations: ITERATIONS };
    return maximise((values) => this.#at(values), start, search);
  }

  motion(values: Float64Array): Motion {
    return this.#level.parameters.motion(values);
  }

  /** The same motion as another level counts it. */
  inParametersOf(other: Matching, values: Float64Array): Float64Array {
    return other.#level.parameters === this.#level.parameters ? values : affineValues(this.motion(values));
  }

  fitOf(values: Float64Array): Fit {
    return this.#information.at(this.#toIndices(this.motion(values)));
  }

  /** Of some of the samples; they are given in mm from the centre of the template. */
  inside(values: Float64Array, isTaken: (place: Vector) => boolean): Fit {
    const some = new MutualInformation(filtered(this.#samples, isTaken), this.#moving);
    return some.at(this.#toIndices(this.motion(values)));
  }

  #at(values: Float64Array): Evaluated {
    const { information, gradient } = this.fitOf(values);
    const { parameters } = this.#level;
    return { value: information, gradient: parameters.chain(values, this.#byMotion(gradient)) };
  }

  /** From places of the samples to voxels of the moving image. */
  #toIndices(motion: Motion): Float64Array {
    const result = new Float64Array(12);
    for (const row of [0, 1, 2] as const) {
      const from = this.#fromWorld[row];
      for (let column = 0; column < 4; column++) {
        let sum = column === 3 ? from[3] : 0;
        for (const axis of [0, 1, 2] as const)
          sum += from[axis] * (f64At(motion, 4 * axis + column) + (column === 3 ? this.#centre[axis] : 0));
        result[4 * row + column] = sum;
      }
    }
    return result;
  }

  #byMotion(gradient: Float64Array): Float64Array {
    return gradient.map((_, at) => {
      const axis = AXES[Math.floor(at / 4)] ?? 0;
      const column = at % 4;
      return AXES.reduce(
        (sum: number, row) => sum + this.#fromWorld[row][axis] * f64At(gradient, 4 * row + column),
        0,
      );
    });
  }
}

/** Turns in degrees as `RIGID` counts them. */
function startsOf(): Float64Array[] {
  const millimetres = (degrees: number) => (degrees * Math.PI * RADIUS) / 180;
  return NODS.flatMap((nod) =>
    TURNS.flatMap((roll) =>
      TURNS.flatMap((yaw) =>
        LIFTS.map((lift) => Float64Array.of(...[nod, roll, yaw].map(millimetres), 0, 0, lift)),
      ),
    ),
  );
}

/** The volume in voxels of 1, 2, 4 and 8 mm, each made from the one before. */
function pyramid(scan: Scan): ReadonlyMap<number, Scan> {
  const levels = new Map<number, Scan>();
  let level = scan;
  for (const voxel of VOXELS) {
    level = coarsened(level, voxel);
    levels.set(voxel, level);
  }
  return levels;
}

function windowed({ shape, data }: Scan): MovingImage {
  const { black, white } = findWindow(data) ?? { black: 0, white: 1 };
  return { shape, data, black, white };
}

/** The same box of the world in voxels of a level. */
function onLevel({ start, shape }: Box, from: Scan, to: Scan): Box {
  const [had, has] = [voxelSize(from.affine), voxelSize(to.affine)];
  const ends = ([0, 1, 2] as const).map((axis) => {
    const place = (index: number) =>
      (index - (from.shape[axis] - 1) / 2) * (had[axis] / has[axis]) + (to.shape[axis] - 1) / 2;
    const first = Math.max(0, Math.floor(place(start[axis])));
    const last = Math.min(to.shape[axis] - 1, Math.ceil(place(start[axis] + shape[axis] - 1)));
    return { first, count: last - first + 1 };
  }) as [End, End, End];
  return {
    start: [ends[0].first, ends[1].first, ends[2].first],
    shape: [ends[0].count, ends[1].count, ends[2].count],
  };
}

interface End {
  readonly first: number;
  readonly count: number;
}

/** The middle of the voxels of a head, in mm of the world. */
function centreOf({ scan, mask }: Head): Vector {
  const [nx, ny] = scan.shape;
  const sums = [0, 0, 0, 0] as [number, number, number, number];
  for (let at = 0; at < mask.length; at++) {
    if (u8At(mask, at) === 0) continue;
    sums[0] += at % nx;
    sums[1] += Math.floor(at / nx) % ny;
    sums[2] += Math.floor(at / (nx * ny));
    sums[3]++;
  }
  return worldOf(scan.affine, [sums[0] / sums[3], sums[1] / sums[3], sums[2] / sums[3]]);
}

/** Whether a place in mm, moved, lies in a head. */
function lookUp({ scan: { shape, affine }, mask }: Head, matrix = IDENTITY): (world: Vector) => boolean {
  const toIndex = composed(inverseOf(affine), matrix);
  return (world) => {
    const [x, y, z] = worldOf(toIndex, world);
    const [i, j, k] = [Math.round(x), Math.round(y), Math.round(z)];
    if (!(i >= 0 && j >= 0 && k >= 0 && i < shape[0] && j < shape[1] && k < shape[2])) return false;
    return u8At(mask, (k * shape[1] + j) * shape[0] + i) !== 0;
  };
}

function plus(one: Vector, other: Vector): Vector {
  return [one[0] + other[0], one[1] + other[1], one[2] + other[2]];
}

function worldMatrix(motion: Motion, from: Vector, to: Vector): Affine {
  const row = (axis: 0 | 1 | 2): Row => {
    const [a, b, c, shift] = [0, 1, 2, 3].map((at) => f64At(motion, 4 * axis + at)) as [
      number,
      number,
      number,
      number,
    ];
    return [a, b, c, shift + to[axis] - a * from[0] - b * from[1] - c * from[2]];
  };
  return [row(0), row(1), row(2), [0, 0, 0, 1]];
}
