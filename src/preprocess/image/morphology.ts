import { i32At, u8At, u16At } from '../../runtime/base/at.ts';
/** A yes-or-no picture: 1 inside, 0 outside, row by row. */
export interface Mask {
  readonly width: number;
  readonly height: number;
  readonly cells: Uint8Array;
}

/** The largest 4-connected part; empty stays empty. Of equal ones the part that comes first by rows. */
export function largestComponent(mask: Mask): Mask {
  const labels = new Int32Array(mask.cells.length);
  let best = 0;
  let bestSize = 0;
  for (let start = 0, label = 0; start < labels.length; start++) {
    if (mask.cells[start] === 0 || labels[start] !== 0) continue;
    const size = flood({ mask, labels, seeds: [start], label: ++label, value: 1 });
    if (size > bestSize) [best, bestSize] = [label, size];
  }
  return labelled({ mask, labels, label: best, inside: 1 });
}

/** Turns every part of the outside that does not touch the border into inside. */
export function fillHoles(mask: Mask): Mask {
  const labels = new Int32Array(mask.cells.length);
  flood({ mask, labels, seeds: borderOf(mask), label: 1, value: 0 });
  return labelled({ mask, labels, label: 1, inside: 0 });
}

/** What is connected with the border through cells of the value 1. */
export function connectedToBorder(mask: Mask): Mask {
  const labels = new Int32Array(mask.cells.length);
  flood({ mask, labels, seeds: borderOf(mask), label: 1, value: 1 });
  return labelled({ mask, labels, label: 1, inside: 1 });
}

/** Closing by a disk: fills gaps narrower than its diameter. Outside the picture is empty, so a gap at its edge is a bay and stays. */
export function closeMask(mask: Mask, radius: number): Mask {
  const grown = within(pad(mask, radius), radius);
  return unpad(inverse(within(inverse(grown), radius)), mask, radius);
}

/** Grows by a disk. */
export function dilateMask(mask: Mask, radius: number): Mask {
  return radius === 0 ? mask : within(mask, radius);
}

/** Opening by a disk: removes what is thinner than its diameter. */
export function openMask(mask: Mask, radius: number): Mask {
  const core = inverse(within(inverse(mask), radius));
  return within(core, radius);
}

function inverse({ width, height, cells }: Mask): Mask {
  const other = new Uint8Array(cells.length);
  for (let at = 0; at < other.length; at++) other[at] = 1 - u8At(cells, at);
  return { width, height, cells: other };
}

function labelled(what: { mask: Mask; labels: Int32Array; label: number; inside: 0 | 1 }): Mask {
  const { mask, labels, label, inside } = what;
  const cells = new Uint8Array(labels.length).fill(1 - inside);
  for (let at = 0; at < cells.length; at++) if (label !== 0 && labels[at] === label) cells[at] = inside;
  return { width: mask.width, height: mask.height, cells };
}

function borderOf({ width, height }: Mask): number[] {
  const seeds: number[] = [];
  for (let x = 0; x < width; x++) seeds.push(x, (height - 1) * width + x);
  for (let y = 0; y < height; y++) seeds.push(y * width, y * width + width - 1);
  return seeds;
}

/** Labels the cells of one value that are connected with a seed; returns how many. */
function flood(job: {
  mask: Mask;
  labels: Int32Array;
  seeds: readonly number[];
  label: number;
  value: 0 | 1;
}): number {
  const { mask, labels, label, value } = job;
  const { width, cells } = mask;
  const stack: number[] = [];
  const visit = (at: number) => {
    if (cells[at] !== value || labels[at] !== 0) return;
    labels[at] = label;
    stack.push(at);
  };
  for (const seed of job.seeds) visit(seed);
  let size = 0;
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    size++;
    if (at % width > 0) visit(at - 1);
    if (at % width < width - 1) visit(at + 1);
    visit(at - width);
    visit(at + width);
  }
  return size;
}

/** Cells at most `radius` from a cell that is set: exact Euclidean distance in two passes, columns then rows. */
function within(mask: Mask, radius: number): Mask {
  const { width, height, cells } = mask;
  const reach = columnDistances(mask, radius);
  // How far to each side a set cell `distance` above or below reaches.
  const halves = Array.from({ length: radius + 1 }, (_, distance) =>
    Math.floor(Math.sqrt(radius * radius - distance * distance)),
  );
  const near = new Uint8Array(cells.length);
  for (let y = 0; y < height; y++) {
    // Where runs begin and end, so that each cell costs the same whatever the radius.
    const changes = new Int32Array(width + 1);
    for (let x = 0; x < width; x++) {
      const half = halves[u16At(reach, y * width + x)];
      if (half === undefined) continue;
      const from = Math.max(0, x - half);
      const to = Math.min(width, x + half + 1);
      changes[from] = i32At(changes, from) + 1;
      changes[to] = i32At(changes, to) - 1;
    }
    for (let x = 0, open = 0; x < width; x++) {
      open += i32At(changes, x);
      near[y * width + x] = open > 0 ? 1 : 0;
    }
  }
  return { ...mask, cells: near };
}

/** For each cell, how far the nearest set cell of its column is; radius + 1 stands for farther. */
function columnDistances({ width, height, cells }: Mask, radius: number): Uint16Array {
  const distances = new Uint16Array(cells.length).fill(radius + 1);
  const step = (at: number, from: number) => {
    distances[at] = cells[at] === 1 ? 0 : Math.min(radius + 1, from + 1);
  };
  for (let at = 0; at < cells.length; at++) step(at, distances[at - width] ?? radius);
  for (let at = width * (height - 1) - 1; at >= 0; at--) {
    distances[at] = Math.min(u16At(distances, at), u16At(distances, at + width) + 1);
  }
  return distances;
}

function pad({ width, height, cells }: Mask, by: number): Mask {
  const wide = width + 2 * by;
  const padded = new Uint8Array(wide * (height + 2 * by));
  for (let y = 0; y < height; y++) {
    padded.set(cells.subarray(y * width, (y + 1) * width), (y + by) * wide + by);
  }
  return { width: wide, height: height + 2 * by, cells: padded };
}

function unpad(padded: Mask, like: Mask, by: number): Mask {
  const cells = new Uint8Array(like.cells.length);
  for (let y = 0; y < like.height; y++) {
    const from = (y + by) * padded.width + by;
    cells.set(padded.cells.subarray(from, from + like.width), y * like.width);
  }
  return { width: like.width, height: like.height, cells };
}
