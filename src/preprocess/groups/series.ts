/** Where a picture stands in a run of numbered files: files follow patients, so neighbours are often slices of one head. */
export interface SeriesPlace {
  /** Folder and name without its number and spaces. */
  readonly series: string;
  readonly number: number;
}

/** Numbers this far apart, or less, are neighbours. */
const NEIGHBOUR_DISTANCE = 2;

/** From a path like `Training/glioma_tumor/gg (12).jpg`; the last number of the name counts. Undefined without a number. */
export function seriesPlace(path: string): SeriesPlace | undefined {
  const slash = path.lastIndexOf('/') + 1;
  const stem = path.slice(slash).replace(/\.[^.]*$/, '');
  const match = /^(.*?)(\d+)(\D*)$/s.exec(stem);
  if (!match) return undefined;
  const [, before = '', digits = '', after = ''] = match;
  const series = path.slice(0, slash) + `${before}#${after}`.replace(/\s/g, '');
  return { series, number: Number(digits) };
}

/** Pairs of indices whose files are neighbours: same series, numbers at most two apart. */
export function neighbourPairs(paths: readonly string[]): [number, number][] {
  const series = new Map<string, { index: number; number: number }[]>();
  for (const [index, path] of paths.entries()) {
    const place = seriesPlace(path);
    if (!place) continue;
    const members = series.get(place.series) ?? [];
    members.push({ index, number: place.number });
    series.set(place.series, members);
  }
  return [...series.values()].flatMap((members) => {
    const sorted = members.sort((a, b) => a.number - b.number || a.index - b.index);
    return sorted.flatMap((one, at) => {
      const pairs: [number, number][] = [];
      for (let next = at + 1; next < sorted.length; next++) {
        const other = sorted[next] as (typeof sorted)[number];
        if (other.number - one.number > NEIGHBOUR_DISTANCE) break;
        pairs.push([one.index, other.index]);
      }
      return pairs;
    });
  });
}
