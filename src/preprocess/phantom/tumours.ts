import type { Random } from '../../runtime/base/random.ts';
import { inside, type Point } from './geometry.ts';
import { Ball, type Diagnosis, type Lesion, type Paint, side, uniform } from './lesion.ts';

/** The tumour of a diagnosis, or nothing. Places, sizes and looks are design choices after the textbooks. */
export function drawLesion(diagnosis: Diagnosis, random: Random, paint: Paint): Lesion | undefined {
  switch (diagnosis) {
    case 'glioma':
      return random.next() < 0.2 ? lowGradeGlioma(random, paint) : highGradeGlioma(random, paint);
    case 'meningioma':
      return meningioma(random, paint);
    case 'pituitary':
      return pituitaryTumour(random, paint);
    case 'no_tumor':
      return undefined;
  }
}

/** In the white matter of a hemisphere. */
function gliomaBall(random: Random): Ball {
  const centre = [
    side(random) * uniform(random, 22, 38),
    uniform(random, -38, 38),
    uniform(random, -2, 34),
  ] as const;
  return new Ball(random, { centre, radius: uniform(random, 16, 23), rough: 0.2 });
}

/** Uneven enhancing ring, dead core, oedema that follows the white matter. */
function highGradeGlioma(random: Random, { signals: s, width }: Paint): Lesion {
  const ball = gliomaBall(random);
  const rim = ball.radius * uniform(random, 0.3, 0.5);
  const spread = uniform(random, 10, 16);
  return {
    centre: ball.centre,
    reach: ball.radius * 1.6 + spread + 40,
    push: ball.radius * 0.45,
    distance: (p) => ball.distance(p),
    paint: (p, under, { distance, cavity, white }) => {
      const texture = ball.texture(p);
      let v = under + (s.oedema - under) * white * inside(distance - spread * (1 + 0.4 * texture), 2 * width);
      const ring = s.enhancing * (0.9 + 0.1 * texture);
      const core = inside(distance + rim * (1 + 0.45 * texture), width);
      const inner = ring + (s.necrosis * (1 + 0.5 * texture) - ring) * core;
      v += (inner - v) * inside(distance, width) * inside(cavity + 2, width);
      return v;
    },
  };
}

/** Dark, without enhancement, with a soft edge. */
function lowGradeGlioma(random: Random, { signals: s, width }: Paint): Lesion {
  const ball = gliomaBall(random);
  return {
    centre: ball.centre,
    reach: ball.radius * 1.6 + 40,
    push: ball.radius * 0.35,
    distance: (p) => ball.distance(p),
    paint: (p, under, { distance, cavity }) => {
      const share = inside(distance, 1.8 * width) * inside(cavity + 2, width);
      const grain = s.tumour + (s.oedema - s.tumour) * Math.max(0, 0.35 + 0.5 * ball.texture(p));
      return under + (grain - under) * share;
    },
  };
}

interface DuralPlace {
  readonly centre: readonly [number, number, number];
  readonly onFalx: boolean;
}

/** Convexity, falx, wing of the sphenoid, posterior fossa; the broad base lies on the dura. */
function duralPlace(random: Random, radius: number): DuralPlace {
  const choice = random.next();
  const hand = side(random);
  if (choice < 0.25) {
    const centre = [hand * radius * 0.75, uniform(random, -40, 45), uniform(random, 30, 44)] as const;
    return { centre, onFalx: true };
  }
  if (choice < 0.4) return { centre: [hand * 34, 26, -17], onFalx: false };
  if (choice < 0.52) return { centre: [hand * (52 - radius), -56, -38], onFalx: false };
  const around = uniform(random, 0.15, Math.PI - 0.15) - Math.PI / 2;
  const up = uniform(random, -0.15, 0.75);
  const u = [hand * Math.cos(around) * Math.cos(up), Math.sin(around) * Math.cos(up), Math.sin(up)] as const;
  const out = 1 / Math.hypot(u[0] / 67, u[1] / 85, u[2] / 67) - radius * 0.6;
  return { centre: [u[0] * out, u[1] * out, u[2] * out], onFalx: false };
}

/** Evenly and strongly enhancing, round, with a cleft of fluid and a dural tail; a fifth to a quarter hold calcium. */
function meningioma(random: Random, { signals: s, width }: Paint): Lesion {
  const radius = uniform(random, 14, 21);
  const { centre, onFalx } = duralPlace(random, radius);
  const ball = new Ball(random, { centre, radius, rough: 0.07 });
  const calcified = random.next() < 0.22;
  const strength = uniform(random, 0.92, 1.05);
  return {
    centre,
    reach: radius * 1.3 + 40,
    push: radius * 0.5,
    distance: (p) => ball.distance(p),
    paint: (p, under, { distance, cavity, midline }) => {
      const brain = inside(cavity + 1, width);
      let v = under + (s.csf - under) * inside(distance - 2, width) * brain * 0.8;
      const dura = Math.abs(onFalx ? midline : cavity + 1);
      v += (s.enhancing * 0.95 - v) * inside(dura - 1.6, width) * inside(distance - 11, width);
      let own = s.enhancing * (strength + 0.05 * ball.texture(p));
      if (calcified)
        own += (s.calcium - own) * inside(0.35 - ball.texture(p), 0.5) * inside(distance + 4, width);
      return v + (own - v) * inside(distance, width) * inside(cavity - 1, width);
    },
  };
}

/** From the sella upwards, milder than a meningioma; big ones have a waist at the diaphragm, some a cyst. */
function pituitaryTumour(random: Random, { signals: s, width }: Paint): Lesion {
  const radius = uniform(random, 10, 13.5);
  const [x, y] = [1.5 * (random.next() - 0.5), 19 + 2 * random.next()];
  const lower = new Ball(random, { centre: [x, y, -41 + radius * 0.4], radius, rough: 0.07 });
  const snowman = radius > 10.7;
  const rise = radius * 1.35;
  const top = [x, y - 1, lower.centre[2] + rise] as const;
  const upper = new Ball(random, { centre: top, radius: radius * uniform(random, 0.75, 0.95), rough: 0.07 });
  const cyst = random.next() < 0.18;
  const distance = (p: Point) =>
    snowman ? Math.min(lower.distance(p), upper.distance(p)) : lower.distance(p);
  return {
    centre: [x, y, lower.centre[2] + (snowman ? rise / 2 : 0)],
    reach: radius * 3 + 10,
    push: 0,
    distance,
    paint: (p, under, at) => {
      let own = s.pituitary * (1 + 0.05 * lower.texture(p));
      if (cyst) own += (s.necrosis * 1.5 - own) * inside(upper.distance(p) + radius * 0.35, width);
      return under + (own - under) * inside(at.distance, width);
    },
  };
}
