/** A place in a head, in mm from its middle: x right, y anterior, z superior. Written over in hot loops. */
export interface Point {
  x: number;
  y: number;
  z: number;
}

/** Centre and half axes in mm. */
export interface Ellipsoid {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly rx: number;
  readonly ry: number;
  readonly rz: number;
}

/** A rod with round ends whose radius grows evenly from `ra` at a to `rb` at b. */
export interface Rod {
  readonly a: readonly [number, number, number];
  readonly b: readonly [number, number, number];
  readonly ra: number;
  readonly rb: number;
}

/** From six numbers, so that tables of anatomy stay readable. */
export function ellipsoid(
  ...of: [x: number, y: number, z: number, rx: number, ry: number, rz: number]
): Ellipsoid {
  const [x, y, z, rx, ry, rz] = of;
  return { x, y, z, rx, ry, rz };
}

/** About how far `p` lies outside (negative: inside); exact on the surface, first order near it. */
export function toEllipsoid(p: Point, e: Ellipsoid): number {
  const x = (p.x - e.x) / e.rx;
  const y = (p.y - e.y) / e.ry;
  const z = (p.z - e.z) / e.rz;
  const k0 = Math.sqrt(x * x + y * y + z * z);
  const gx = x / e.rx;
  const gy = y / e.ry;
  const gz = z / e.rz;
  const k1 = Math.sqrt(gx * gx + gy * gy + gz * gz);
  return k1 === 0 ? -Math.min(e.rx, e.ry, e.rz) : (k0 * (k0 - 1)) / k1;
}

/** How far `p` lies outside the rod (negative: inside). */
export function toRod(p: Point, { a, b, ra, rb }: Rod): number {
  const ux = b[0] - a[0];
  const uy = b[1] - a[1];
  const uz = b[2] - a[2];
  const dx = p.x - a[0];
  const dy = p.y - a[1];
  const dz = p.z - a[2];
  const along = (dx * ux + dy * uy + dz * uz) / (ux * ux + uy * uy + uz * uz);
  const t = along < 0 ? 0 : along > 1 ? 1 : along;
  const ex = dx - t * ux;
  const ey = dy - t * uy;
  const ez = dz - t * uz;
  return Math.sqrt(ex * ex + ey * ey + ez * ez) - (ra + (rb - ra) * t);
}

/** Union of two solids whose seam is rounded over about `k` mm. */
export function blend(a: number, b: number, k: number): number {
  const h = Math.max(k - Math.abs(a - b), 0) / k;
  return Math.min(a, b) - (h * h * k) / 4;
}

/** The share of a voxel of `width` mm that lies inside a surface `distance` mm outside its centre: partial volume. */
export function inside(distance: number, width: number): number {
  const share = 0.5 - distance / width;
  return share < 0 ? 0 : share > 1 ? 1 : share;
}
