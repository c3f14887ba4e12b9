import { blend, ellipsoid, inside, type Point, type Rod, toEllipsoid, toRod } from './geometry.ts';
import type { Subject } from './subject.ts';
import type { Signals } from './tissue.ts';

const CEREBRUM_TOP = ellipsoid(0, 0, 0, 67, 85, 67);
const CEREBRUM_BASE = ellipsoid(0, 0, 0, 67, 85, 36);
/** Paired structures are given on the right and met with |x|. */
const TEMPORAL = ellipsoid(40, 2, -24, 24, 42, 22);
const CEREBELLUM = ellipsoid(0, -50, -42, 48, 30, 25);
const CEREBELLAR_WHITE = ellipsoid(14, -46, -40, 19, 12, 8);
const VERMIS_WHITE = ellipsoid(0, -42, -40, 8, 10, 6);
const STEM: Rod = { a: [0, -14, -12], b: [0, -30, -110], ra: 14, rb: 6 };
const PONS = ellipsoid(0, -13, -36, 16, 12, 14);
const FOURTH_VENTRICLE = ellipsoid(0, -30, -38, 6, 4, 9);
const THIRD_VENTRICLE = ellipsoid(0, -4, -4, 1.8, 14, 9);
const CISTERN = ellipsoid(0, 14, -28, 15, 12, 8);
const CAUDATE = ellipsoid(13, 20, 11, 5, 12, 9);
const PUTAMEN = ellipsoid(27, 6, 1, 6.5, 15, 10);
const THALAMUS = ellipsoid(11, -13, 3, 9, 14, 10);
/** Lateral ventricle: frontal horn, body, atrium, occipital and temporal horn. */
const LATERAL: readonly Rod[] = [
  { a: [8, 30, 10], b: [8, 8, 18], ra: 4.5, rb: 4.5 },
  { a: [8, 8, 18], b: [15, -20, 18], ra: 4.5, rb: 5 },
  { a: [15, -20, 18], b: [24, -34, 8], ra: 5, rb: 6 },
  { a: [24, -34, 8], b: [25, -54, 5], ra: 5.5, rb: 2 },
  { a: [24, -34, 8], b: [32, -8, -18], ra: 4, rb: 1.8 },
];
const CHOROID = ellipsoid(22, -29, 11, 2.5, 6, 3);
const ARTERY: Rod = { a: [7, 14, -29], b: [40, 8, -22], ra: 2, rb: 1.6 };
const BASILAR: Rod = { a: [0, 1, -48], b: [0, 0, -26], ra: 2, rb: 2 };

/** Converts fold noise to mm from the sheet where it is 0: the inverse of its usual slope. */
const FOLD_MM = 10.5;

/** How far `p` lies outside the cerebrum, and outside the cerebellum, in mm. */
export interface BrainSurface {
  cerebrum: number;
  cerebellum: number;
}

/** Brain tissue at one place, from distances to simple shapes and a folded cortex between them. */
export class Brain {
  /** Share of white matter at the place last asked for: oedema spreads there. */
  white = 0;
  readonly #subject: Subject;
  readonly #signals: Signals;
  readonly #width: number;
  /** `p` with |x|, and `p` drawn to the surface, for the folding. */
  readonly #pair: Point = { x: 0, y: 0, z: 0 };

  /** `width`: edge of a voxel in mm, over which borders are spread. */
  constructor(subject: Subject, signals: Signals, width: number) {
    this.#subject = subject;
    this.#signals = signals;
    this.#width = width;
  }

  surface(p: Point, out: BrainSurface): void {
    const pair = this.#mirror(p);
    const lobe = toEllipsoid(pair, TEMPORAL);
    const whole = toEllipsoid(p, p.z > 0 ? CEREBRUM_TOP : CEREBRUM_BASE);
    out.cerebellum = toEllipsoid(p, CEREBELLUM);
    // The tentorium keeps the two apart.
    out.cerebrum = Math.max(blend(whole, lobe, 6), -out.cerebellum + 1.5);
  }

  /** Brightness at `p`, for the surface distances there. */
  at(p: Point, surface: BrainSurface): number {
    const s = this.#signals;
    const w = this.#width;
    let v = this.#cerebrum(p, -surface.cerebrum);
    if (surface.cerebellum < w) v += (this.#cerebellum(p) - v) * inside(surface.cerebellum, w);
    if (p.z < 4) v = this.#stem(p, v);
    const pair = this.#mirror(p);
    if (pair.x < 45 && p.z > -26 && p.z < 32 && p.y < 50) v = this.#deep(pair, v);
    if (p.z < -12 && p.z > -55) {
      const artery = Math.min(toRod(pair, ARTERY), toRod(p, BASILAR));
      v += (s.blood - v) * inside(artery, w);
    }
    return v;
  }

  /** Sulci are the sheets where one of two smooth noises is 0, drawn from the surface inwards; grey matter lines them. */
  #cerebrum(p: Point, depth: number): number {
    const subject = this.#subject;
    const s = this.#signals;
    const x = p.x / CEREBRUM_TOP.rx;
    const y = p.y / CEREBRUM_TOP.ry;
    const z = p.z / CEREBRUM_TOP.rz;
    const radius = Math.sqrt(x * x + y * y + z * z);
    const outwards = 0.3 + 0.7 / Math.max(radius, 0.3);
    const fold = Math.min(
      Math.abs(subject.folds.at(p, outwards)),
      Math.abs(subject.crossFolds.at(p, outwards)),
    );
    const surface = Math.min(depth, this.#fissure(p));
    const end = 14 + 5 * subject.depth.at(p);
    const sulcus = fold * FOLD_MM + 1.5 * Math.max(0, surface - end);
    const sheet = Math.min(surface, sulcus, this.#sylvian(p));
    const grey = inside(sheet - subject.sulcus - subject.cortex, this.#width);
    const fluid = inside(sheet - subject.sulcus, this.#width);
    this.white = (1 - grey) * (1 - fluid);
    const v = s.white + (s.grey - s.white) * grey;
    return v + (s.csf - v) * fluid;
  }

  /** Between the hemispheres, above the callosum; narrow and not quite flat, so that a midline slice meets cortex. */
  #fissure(p: Point): number {
    const bend = 3 * this.#subject.depth.at(p, 0.9);
    const arch = 27 - 0.006 * (p.y + 2) ** 2 - 2 * Math.max(0, Math.abs(p.y + 3) - 40);
    return 0.5 + Math.abs(p.x - bend) + 1.3 * Math.max(0, arch - p.z);
  }

  /** Above the temporal lobe, from the side in to the insula. */
  #sylvian(p: Point): number {
    const side = Math.abs(p.x);
    const ends = Math.max(0, p.y - 30) + Math.max(0, -36 - p.y) + Math.max(0, 36 - side);
    const height = p.z + 8 + 0.28 * (p.y - 10) - 0.55 * (side - 50) + 3 * this.#subject.depth.at(p);
    return Math.abs(height) * 0.85 + ends;
  }

  #cerebellum(p: Point): number {
    const s = this.#signals;
    const w = this.#width;
    const radius = Math.sqrt((p.y + 40) ** 2 + (1.3 * (p.z + 38)) ** 2);
    const leaf = Math.sin(radius * 0.85 + 3 * this.#subject.folds.at(p));
    let v = s.grey + (s.white - s.grey) * Math.max(0, leaf) * 0.55;
    v += (s.csf - v) * Math.max(0, -leaf - 0.55) * 0.8;
    const core = Math.min(toEllipsoid(this.#mirror(p), CEREBELLAR_WHITE), toEllipsoid(p, VERMIS_WHITE));
    v += (s.white - v) * inside(core, w);
    return v + (s.csf - v) * inside(toEllipsoid(p, FOURTH_VENTRICLE), w);
  }

  #stem(p: Point, under: number): number {
    const s = this.#signals;
    const w = this.#width;
    const stem = blend(toRod(p, STEM), toEllipsoid(p, PONS), 5);
    let v = under;
    if (p.z < -10) v += (s.csf - v) * inside(stem - 3, w) * inside(toEllipsoid(p, CISTERN_ROOM), w);
    v += (s.csf - v) * inside(toEllipsoid(p, CISTERN), w);
    const share = inside(stem, w);
    this.white *= 1 - share;
    return v + (0.95 * s.white + 0.05 * s.grey - v) * share;
  }

  /** Grey nuclei and ventricles; `pair` is the place with |x|. */
  #deep(pair: Point, under: number): number {
    const s = this.#signals;
    const w = this.#width;
    let v = under;
    if (pair.z > -14) {
      const nuclei = Math.min(toEllipsoid(pair, CAUDATE), toEllipsoid(pair, PUTAMEN));
      v += (s.grey - v) * inside(nuclei, w);
      v += (0.6 * s.grey + 0.4 * s.white - v) * inside(toEllipsoid(pair, THALAMUS), w);
    }
    let ventricle = toEllipsoid(pair, THIRD_VENTRICLE);
    for (const rod of LATERAL) ventricle = Math.min(ventricle, toRod(pair, rod));
    // Enlarging a ventricle moves its wall outwards.
    const share = inside(ventricle - 5 * (this.#subject.ventricles - 1), w);
    this.white *= 1 - share;
    v += (s.csf - v) * share;
    return v + (s.blood - v) * inside(toEllipsoid(pair, CHOROID), w);
  }

  #mirror(p: Point): Point {
    this.#pair.x = Math.abs(p.x);
    this.#pair.y = p.y;
    this.#pair.z = p.z;
    return this.#pair;
  }
}

/** The stem's cistern ends where the hemispheres join it. */
const CISTERN_ROOM = ellipsoid(0, -18, -50, 24, 26, 42);
