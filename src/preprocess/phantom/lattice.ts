import { f32At } from '../../runtime/base/at.ts';
import type { Random } from '../../runtime/base/random.ts';
import type { Point } from './geometry.ts';

const SIZE = 16;
const MASK = SIZE - 1;

/**
 * Smooth random values in space: independent normals on a periodic 16^3 lattice, `spacing` mm apart, with eased
 * trilinear interpolation between them (value noise; Ebert et al., "Texturing and Modeling", chapter 2).
 */
export class Lattice {
  readonly #values: Float32Array;
  readonly #inverse: number;

  constructor(random: Random, spacing: number) {
    this.#values = Float32Array.from({ length: SIZE ** 3 }, () => random.normal());
    this.#inverse = 1 / spacing;
  }

  /** At `p` scaled by `zoom` about the origin. */
  at(p: Point, zoom = 1): number {
    const scale = this.#inverse * zoom;
    const x = p.x * scale;
    const y = p.y * scale;
    const z = p.z * scale;
    const i = Math.floor(x);
    const j = Math.floor(y);
    const k = Math.floor(z);
    const a = ease(x - i);
    const b = ease(y - j);
    const v = this.#values;
    const i0 = i & MASK;
    const i1 = (i + 1) & MASK;
    const j0 = (j & MASK) * SIZE;
    const j1 = ((j + 1) & MASK) * SIZE;
    const k0 = (k & MASK) * SIZE * SIZE;
    const k1 = ((k + 1) & MASK) * SIZE * SIZE;
    const low = mix(
      mix(f32At(v, i0 + j0 + k0), f32At(v, i1 + j0 + k0), a),
      mix(f32At(v, i0 + j1 + k0), f32At(v, i1 + j1 + k0), a),
      b,
    );
    const high = mix(
      mix(f32At(v, i0 + j0 + k1), f32At(v, i1 + j0 + k1), a),
      mix(f32At(v, i0 + j1 + k1), f32At(v, i1 + j1 + k1), a),
      b,
    );
    return mix(low, high, ease(z - k));
  }
}

/** Slope 0 at both ends, so that cells join without a crease. */
function ease(t: number): number {
  return t * t * (3 - 2 * t);
}

function mix(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}
