/** A closed surface of triangles; vertices are three numbers each. */
export interface Mesh {
  readonly points: Float64Array;
  /** Three vertices a triangle, counter-clockwise seen from outside. */
  readonly triangles: Int32Array;
  /** Vertices that share an edge, each pair once. */
  readonly edges: Int32Array;
}

const GOLDEN = (1 + Math.sqrt(5)) / 2;
const CORNERS = [
  [-1, GOLDEN, 0],
  [1, GOLDEN, 0],
  [-1, -GOLDEN, 0],
  [1, -GOLDEN, 0],
  [0, -1, GOLDEN],
  [0, 1, GOLDEN],
  [0, -1, -GOLDEN],
  [0, 1, -GOLDEN],
  [GOLDEN, 0, -1],
  [GOLDEN, 0, 1],
  [-GOLDEN, 0, -1],
  [-GOLDEN, 0, 1],
] as const;
type Triangle = readonly [number, number, number];
const FACES: readonly Triangle[] = [
  [0, 11, 5],
  [0, 5, 1],
  [0, 1, 7],
  [0, 7, 10],
  [0, 10, 11],
  [1, 5, 9],
  [5, 11, 4],
  [11, 10, 2],
  [10, 7, 6],
  [7, 1, 8],
  [3, 9, 4],
  [3, 4, 2],
  [3, 2, 6],
  [3, 6, 8],
  [3, 8, 9],
  [4, 9, 5],
  [2, 4, 11],
  [6, 2, 10],
  [8, 6, 7],
  [9, 8, 1],
];

/** The unit sphere: an icosahedron whose triangles are divided by four so many times. 4 times give 2,562 vertices. */
export function unitSphere(divisions: number): Mesh {
  const points: number[][] = CORNERS.map((corner) => onSphere(corner));
  let faces: readonly Triangle[] = FACES;
  for (let at = 0; at < divisions; at++) faces = divided(faces, points);
  const pairs = new Map<number, readonly [number, number]>();
  for (const [a, b, c] of faces)
    for (const [from, to] of [
      [a, b],
      [b, c],
      [c, a],
    ] as const)
      if (from < to) pairs.set(from * points.length + to, [from, to]);
  return {
    points: Float64Array.from(points.flat()),
    triangles: Int32Array.from(faces.flat()),
    edges: Int32Array.from([...pairs.values()].flat()),
  };
}

/** Adds the middles of all edges to `points`. */
function divided(faces: readonly Triangle[], points: number[][]): Triangle[] {
  const middles = new Map<string, number>();
  const middle = (a: number, b: number) => {
    const key = a < b ? `${a} ${b}` : `${b} ${a}`;
    const known = middles.get(key);
    if (known !== undefined) return known;
    const [one = [], other = []] = [points[a], points[b]];
    middles.set(key, points.length);
    points.push(onSphere(one.map((value, axis) => value + (other[axis] ?? 0))));
    return points.length - 1;
  };
  return faces.flatMap(([a, b, c]): Triangle[] => {
    const [ab, bc, ca] = [middle(a, b), middle(b, c), middle(c, a)];
    return [
      [a, ab, ca],
      [b, bc, ab],
      [c, ca, bc],
      [ab, bc, ca],
    ];
  });
}

function onSphere(point: readonly number[]): number[] {
  const length = Math.hypot(...point);
  return point.map((value) => value / length);
}
