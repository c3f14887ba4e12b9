import { f32At, f64At, i32At } from '../../runtime/base/at.ts';
import type { Vector } from '../nifti/affine.ts';
import type { HeadGrid } from './head-grid.ts';
import { type Mesh, unitSphere } from './sphere.ts';

const DIVISIONS = 3;
/** How often the mean length of the edges is taken anew. */
const EDGE_STEPS = 50;
/** Radii of curvature in mm between which the surface goes from stiff to free. */
const [SHARP, BLUNT] = [3.33, 10];
const STIFF_AT = (1 / SHARP + 1 / BLUNT) / 2;
const STIFFNESS = 6 / (1 / SHARP - 1 / BLUNT);
/** How deep in mm the darkest and the brightest value under the surface are looked for. */
const [DARK_DEPTH, BRIGHT_DEPTH] = [7, 3];
const PULL = 0.05;

/** Brightness of a head. */
export interface Brightness {
  /** 2nd percentile. */
  readonly low: number;
  /** 10 % of the way from there to the 98th. */
  readonly threshold: number;
  /** Of the brain. */
  readonly median: number;
}

/**
 * The surface of the brain: a sphere within it that is blown up until it meets the dark rim between brain and skull, and is kept smooth
 * on the way (Smith, "Fast robust automated brain extraction", Human Brain Mapping 17, 2002; its numbers, with the depths of FSL's program).
 */
export class BrainSurface {
  readonly mesh: Mesh;
  readonly #grid: HeadGrid;
  readonly #brightness: Brightness;
  readonly #normals: Float64Array;
  readonly #means: Float64Array;
  readonly #degrees: Float64Array;

  /** @param inside a place in the brain and the radius to begin with, in mm */
  constructor(grid: HeadGrid, inside: { centre: Vector; radius: number; brightness: Brightness }) {
    const { centre, radius, brightness } = inside;
    const sphere = unitSphere(DIVISIONS);
    const points = sphere.points.map((value, at) => (centre[at % 3] ?? 0) + radius * value);
    this.mesh = { ...sphere, points };
    this.#grid = grid;
    this.#brightness = brightness;
    this.#normals = new Float64Array(points.length);
    this.#means = new Float64Array(points.length);
    this.#degrees = new Float64Array(points.length / 3);
    for (const vertex of sphere.edges) this.#degrees[vertex] = f64At(this.#degrees, vertex) + 1;
  }

  /** @param fraction of the local brightness under which a value is no brain: the smaller, the wider the surface */
  grow(steps: number, fraction: number): void {
    let edge = 0;
    for (let step = 0; step < steps; step++) {
      if (step % EDGE_STEPS === 0) edge = this.#meanEdge();
      this.#takeNormals();
      this.#takeMeans();
      this.#move(edge, fraction);
    }
  }

  #meanEdge(): number {
    const { points, edges } = this.mesh;
    let sum = 0;
    for (let at = 0; at < edges.length; at += 2) {
      const a = 3 * i32At(edges, at);
      const b = 3 * i32At(edges, at + 1);
      const x = f64At(points, a) - f64At(points, b);
      const y = f64At(points, a + 1) - f64At(points, b + 1);
      const z = f64At(points, a + 2) - f64At(points, b + 2);
      sum += Math.sqrt(x * x + y * y + z * z);
    }
    return sum / (edges.length / 2);
  }

  #move(edge: number, fraction: number): void {
    const { points } = this.mesh;
    const normals = this.#normals;
    for (let at = 0; at < points.length; at += 3) {
      const nx = f64At(normals, at);
      const ny = f64At(normals, at + 1);
      const nz = f64At(normals, at + 2);
      const x = f64At(points, at);
      const y = f64At(points, at + 1);
      const z = f64At(points, at + 2);
      const sx = f64At(this.#means, at) - x;
      const sy = f64At(this.#means, at + 1) - y;
      const sz = f64At(this.#means, at + 2) - z;
      const out = sx * nx + sy * ny + sz * nz;
      const curvature = (2 * Math.abs(out)) / (edge * edge);
      const stiff = (1 + Math.tanh(STIFFNESS * (curvature - STIFF_AT))) / 2;
      // The tangential part is halved; the normal part follows the curvature and the image.
      const normal = stiff * out + PULL * edge * this.#pullAt(at, fraction) - out / 2;
      points[at] = x + sx / 2 + normal * nx;
      points[at + 1] = y + sy / 2 + normal * ny;
      points[at + 2] = z + sz / 2 + normal * nz;
    }
  }

  /** Outwards where all is bright below the surface, inwards where something dark is; about from -1 to 1. */
  #pullAt(at: number, fraction: number): number {
    const { low, threshold, median } = this.#brightness;
    let dark = median;
    let bright = threshold;
    for (let depth = 1; depth <= DARK_DEPTH; depth++) {
      const value = this.#valueAt(at, depth);
      if (value < dark) dark = value;
      if (depth <= BRIGHT_DEPTH && value > bright) bright = value;
    }
    if (dark < low) dark = low;
    if (bright > median) bright = median;
    const local = (bright - low) * fraction + low;
    return bright > low ? (2 * (dark - local)) / (bright - low) : 0;
  }

  /** Nearest voxel so many mm under a vertex; dark outside the grid. */
  #valueAt(at: number, depth: number): number {
    const { shape, data, origin, voxel } = this.#grid;
    const { points } = this.mesh;
    const i = Math.round((f64At(points, at) - depth * f64At(this.#normals, at) - origin[0]) / voxel);
    const j = Math.round((f64At(points, at + 1) - depth * f64At(this.#normals, at + 1) - origin[1]) / voxel);
    const k = Math.round((f64At(points, at + 2) - depth * f64At(this.#normals, at + 2) - origin[2]) / voxel);
    if (!(i >= 0 && j >= 0 && k >= 0 && i < shape[0] && j < shape[1] && k < shape[2]))
      return this.#brightness.low;
    return f32At(data, (k * shape[1] + j) * shape[0] + i);
  }

  #takeNormals(): void {
    const { points, triangles } = this.mesh;
    const normals = this.#normals.fill(0);
    for (let at = 0; at < triangles.length; at += 3) {
      const a = 3 * i32At(triangles, at);
      const b = 3 * i32At(triangles, at + 1);
      const c = 3 * i32At(triangles, at + 2);
      const ux = f64At(points, b) - f64At(points, a);
      const uy = f64At(points, b + 1) - f64At(points, a + 1);
      const uz = f64At(points, b + 2) - f64At(points, a + 2);
      const vx = f64At(points, c) - f64At(points, a);
      const vy = f64At(points, c + 1) - f64At(points, a + 1);
      const vz = f64At(points, c + 2) - f64At(points, a + 2);
      const x = uy * vz - uz * vy;
      const y = uz * vx - ux * vz;
      const z = ux * vy - uy * vx;
      add(normals, a, [x, y, z]);
      add(normals, b, [x, y, z]);
      add(normals, c, [x, y, z]);
    }
    for (let at = 0; at < normals.length; at += 3) {
      const x = f64At(normals, at);
      const y = f64At(normals, at + 1);
      const z = f64At(normals, at + 2);
      const length = Math.sqrt(x * x + y * y + z * z) || 1;
      normals[at] = x / length;
      normals[at + 1] = y / length;
      normals[at + 2] = z / length;
    }
  }

  #takeMeans(): void {
    const { points, edges } = this.mesh;
    const means = this.#means.fill(0);
    for (let at = 0; at < edges.length; at += 2) {
      const a = 3 * i32At(edges, at);
      const b = 3 * i32At(edges, at + 1);
      add(means, a, [f64At(points, b), f64At(points, b + 1), f64At(points, b + 2)]);
      add(means, b, [f64At(points, a), f64At(points, a + 1), f64At(points, a + 2)]);
    }
    for (let vertex = 0, at = 0; at < means.length; vertex++)
      for (let end = at + 3; at < end; at++) means[at] = f64At(means, at) / f64At(this.#degrees, vertex);
  }
}

function add(sums: Float64Array, at: number, [x, y, z]: Vector): void {
  sums[at] = f64At(sums, at) + x;
  sums[at + 1] = f64At(sums, at + 1) + y;
  sums[at + 2] = f64At(sums, at + 2) + z;
}
