import { Brain, type BrainSurface } from './brain.ts';
import { blend, ellipsoid, inside, type Point, type Rod, toEllipsoid, toRod } from './geometry.ts';
import { type Lesion, unpush } from './lesion.ts';
import type { Subject } from './subject.ts';
import type { Signals } from './tissue.ts';

const CRANIUM_TOP = ellipsoid(0, -1, 0, 83, 101, 83);
const CRANIUM_BASE = ellipsoid(0, -1, 0, 83, 101, 104);
const FACE = ellipsoid(0, 50, -76, 47, 46, 52);
const NOSE = ellipsoid(0, 90, -56, 10, 20, 20);
const NECK: Rod = { a: [0, -26, -50], b: [0, -38, -160], ra: 52, rb: 50 };
const EYE = ellipsoid(31, 70, -36, 12.5, 12.5, 12.5);
const LENS = ellipsoid(31, 80, -36, 4.5, 2.2, 4.5);
const ORBIT = ellipsoid(28, 60, -36, 17, 28, 17);
const OPTIC_NERVE: Rod = { a: [30, 58, -36], b: [8, 26, -34], ra: 2.2, rb: 2.2 };
const EYE_MUSCLE: Rod = { a: [40, 66, -36], b: [14, 36, -36], ra: 2, rb: 2 };
const SPHENOID_SINUS = ellipsoid(0, 34, -50, 11, 13, 9);
const ETHMOID = ellipsoid(0, 60, -42, 10, 20, 14);
const NASAL = ellipsoid(0, 64, -68, 14, 26, 14);
const MAXILLARY = ellipsoid(28, 58, -70, 13, 17, 15);
const CHEWING = ellipsoid(58, 22, -52, 12, 26, 34);
const CORD: Rod = { a: [0, -28, -60], b: [0, -38, -160], ra: 6, rb: 5 };
const GLAND = ellipsoid(0, 20, -38, 6.5, 5, 4);

/** A whole head: brightness at one place, from the skin inwards. One head is painted at a time. */
export class Head {
  readonly #subject: Subject;
  readonly #s: Signals;
  readonly #width: number;
  readonly #brain: Brain;
  readonly #lesion: Lesion | undefined;
  readonly #pair: Point = { x: 0, y: 0, z: 0 };
  readonly #kept: Point = { x: 0, y: 0, z: 0 };
  readonly #ground = { cavity: 0, midline: 0, white: 0, distance: 0 };
  readonly #surface: BrainSurface = { cerebrum: 0, cerebellum: 0 };
  /** Share of the lesion at the place last asked for. */
  lesionShare = 0;

  constructor(subject: Subject, paint: { signals: Signals; width: number }, lesion: Lesion | undefined) {
    this.#subject = subject;
    this.#s = paint.signals;
    this.#width = paint.width;
    this.#brain = new Brain(subject, paint.signals, paint.width);
    this.#lesion = lesion;
  }

  /** Brightness at `p`, which is changed. */
  at(p: Point): number {
    this.lesionShare = 0;
    const w = this.#width;
    const skin = skinDistance(p);
    if (skin > w) return 0;
    const cavity = this.#cavity(p);
    const ground = this.#ground;
    ground.cavity = cavity;
    ground.midline = p.x;
    ground.white = 0;
    const kept = this.#kept;
    kept.x = p.x;
    kept.y = p.y;
    kept.z = p.z;
    const lesion = this.#lesion;
    const near = lesion !== undefined && away(p, lesion.centre) < lesion.reach;
    if (near) ground.distance = lesion.distance(p);
    let v = cavity > -w ? this.#outside(p, skin) : 0;
    const share = inside(cavity, w);
    if (share > 0) v += (this.#brainAt(p, near) - v) * share;
    if (!near) return v;
    this.lesionShare = inside(ground.distance, w);
    return lesion.paint(this.#kept, v, ground);
  }

  /** Brain at `p`, or what lay there before the lesion pushed it aside. */
  #brainAt(p: Point, near: boolean): number {
    if (near && this.#lesion) {
      unpush(p, this.#lesion, this.#ground);
      this.#brain.surface(p, this.#surface);
    }
    const v = this.#brain.at(p, this.#surface);
    this.#ground.white = this.#brain.white;
    const sinus = this.#sinus(this.#kept);
    return v + (this.#s.blood - v) * sinus;
  }

  /** The venous sinuses under the skull enhance in everybody. */
  #sinus(p: Point): number {
    const cavity = this.#ground.cavity;
    if (cavity < -7) return 0;
    const depth = inside(Math.abs(cavity + 2) - 2, this.#width);
    if (p.z > 5 || p.y < -60) {
      const sagittal = inside(Math.abs(p.x) - 3, this.#width);
      if (sagittal > 0 && p.z > -20) return depth * sagittal;
    }
    return p.y < -45 ? 0.55 * depth * inside(Math.abs(p.z + 22) - 2.5, this.#width) : 0;
  }

  /** Distance to the inner table of the skull: the brain and a film of fluid around it. */
  #cavity(p: Point): number {
    this.#brain.surface(p, this.#surface);
    return blend(this.#surface.cerebrum, this.#surface.cerebellum, 5) - 0.6 - 0.6 * this.#subject.sulcus;
  }

  /** Skin and fat, muscle, bone with marrow; then the face. */
  #outside(p: Point, skin: number): number {
    const s = this.#s;
    const w = this.#width;
    const { fat, skull } = this.#subject;
    const cavity = this.#ground.cavity;
    const low = Math.max(0, Math.min(1, (-20 - p.z) / 25));
    let v = s.fat * inside(skin, w);
    const flesh =
      s.muscle + (s.fat - s.muscle) * low * Math.max(0, this.#subject.depth.at(p, 1.4) * 0.5 - 0.1);
    v += (flesh - v) * inside(skin + fat * (1 + 0.6 * low), w);
    const table = skull * (1 - 0.25 * low);
    v += (s.bone - v) * inside(cavity - table, w);
    const diploe = Math.abs(cavity - table * 0.52) - table * 0.2;
    v += (s.marrow - v) * inside(diploe, w) * (0.75 + 0.25 * this.#subject.depth.at(p, 1.5));
    if (p.z > -12) return v;
    return this.#face(p, skin, v);
  }

  #face(p: Point, skin: number, under: number): number {
    const s = this.#s;
    const w = this.#width;
    const pair = this.#pair;
    pair.x = Math.abs(p.x);
    pair.y = p.y;
    pair.z = p.z;
    let v = under;
    v += (s.muscle - v) * inside(toEllipsoid(pair, CHEWING), w) * inside(skin + this.#subject.fat, w);
    v = this.#canal(p, v);
    if (p.y < -5) return v;
    const air = Math.min(
      Math.min(toEllipsoid(p, SPHENOID_SINUS), toEllipsoid(p, ETHMOID)),
      Math.min(toEllipsoid(pair, MAXILLARY), toEllipsoid(p, NASAL)),
    );
    v += (s.bone - v) * inside(air - 2, w);
    v -= v * inside(air, w);
    v = this.#orbit(pair, skin, v);
    return v + (s.pituitary - v) * inside(toEllipsoid(p, GLAND), w);
  }

  #orbit(pair: Point, skin: number, under: number): number {
    const s = this.#s;
    const w = this.#width;
    const orbit = toEllipsoid(pair, ORBIT);
    let v = under;
    if (orbit > 4) return v;
    v += (s.bone - v) * inside(orbit - 2, w) * inside(skin + 9, w);
    v += (s.fat - v) * inside(orbit, w) * inside(skin + 2, w);
    const strands = Math.min(toRod(pair, OPTIC_NERVE), toRod(pair, EYE_MUSCLE));
    v += (s.muscle - v) * inside(strands, w);
    v += (s.vitreous - v) * inside(toEllipsoid(pair, EYE), w);
    return v + (s.muscle - v) * inside(toEllipsoid(pair, LENS), w);
  }

  /** Cord and its fluid below the skull, between vertebrae. */
  #canal(p: Point, under: number): number {
    const s = this.#s;
    const w = this.#width;
    const cord = toRod(p, CORD);
    if (cord > 18) return under;
    let v = under;
    v += (0.7 * s.marrow - v) * inside(cord - 11, w) * inside(Math.abs(p.x) - 16, w);
    v += (s.csf - v) * inside(cord - 4, w);
    return v + (s.white - v) * inside(cord, w);
  }
}

function away(p: Point, centre: readonly [number, number, number]): number {
  const x = p.x - centre[0];
  const y = p.y - centre[1];
  const z = p.z - centre[2];
  return Math.sqrt(x * x + y * y + z * z);
}

function skinDistance(p: Point): number {
  const skull = toEllipsoid(p, p.z > 0 ? CRANIUM_TOP : CRANIUM_BASE);
  if (p.z > 10) return skull;
  return blend(blend(blend(skull, toEllipsoid(p, FACE), 14), toEllipsoid(p, NOSE), 8), toRod(p, NECK), 12);
}
