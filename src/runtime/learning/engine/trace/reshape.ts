import { identityOrder, type SymbolicTensor, sameList } from './symbolic.ts';

interface Layout {
  readonly order: number[];
  readonly dims: number[];
}

/** Axes of the old shape, longer than 1, and those of the new shape that hold the same elements. */
interface AxisGroup {
  readonly from: number[];
  readonly to: number[];
}

/**
 * How a reshaped tensor lies if no data is moved: possible if each run of axes that is split or joined lies together
 * and in order. So [N, H, W, C] held as [N, C, H, W] becomes [N, H, W, G, C/G] held as [N, G, C/G, H, W].
 *
 * @returns nothing where data must be moved
 */
export function reshapedLayout(x: SymbolicTensor, shape: readonly number[]): Layout | undefined {
  const groups = axisGroups(x.shape, shape);
  const places = x.order.filter((axis) => x.shape[axis] !== 1);
  const order: number[] = [];
  const repeated = new Set<number>();
  for (let place = 0; place < places.length; ) {
    const group = groups.find(({ from }) => from[0] === places[place]);
    if (!group || !sameList(group.from, places.slice(place, place + group.from.length))) return undefined;
    const repeats = group.from.map((axis) => x.dims[x.order.indexOf(axis)] === 1);
    if (new Set(repeats).size > 1) return undefined;
    if (repeats[0]) for (const axis of group.to) repeated.add(axis);
    order.push(...group.to);
    place += group.from.length;
  }
  const full = withUnitAxes(order, shape);
  return { order: full, dims: full.map((axis) => (repeated.has(axis) ? 1 : (shape[axis] ?? 1))) };
}

/** The finest partition of both shapes into runs of equal size; axes of length 1 are left out. */
function axisGroups(from: readonly number[], to: readonly number[]): AxisGroup[] {
  const groups: AxisGroup[] = [];
  const left = identityOrder(from.length).filter((axis) => from[axis] !== 1);
  const right = identityOrder(to.length).filter((axis) => to[axis] !== 1);
  while (left.length > 0) {
    const group: AxisGroup = { from: [], to: [] };
    let [fromSize, toSize] = [1, 1];
    do {
      const takeFrom = fromSize <= toSize;
      const axis = (takeFrom ? left : right).shift() ?? 0;
      (takeFrom ? group.from : group.to).push(axis);
      if (takeFrom) fromSize *= from[axis] ?? 1;
      else toSize *= to[axis] ?? 1;
    } while (fromSize !== toSize);
    groups.push(group);
  }
  return groups;
}

/** Puts axes of length 1 behind the axis that tfjs names before them. */
function withUnitAxes(order: readonly number[], shape: readonly number[]): number[] {
  const full = [...order];
  shape.forEach((size, axis) => {
    if (size === 1) full.splice(full.indexOf(axis - 1) + 1, 0, axis);
  });
  return full;
}
