import type { FileFacts } from './facts.ts';
import type { Problem } from './problems.ts';

export interface SliceStack {
  /** Different places along the normal; 0 where files do not say theirs. */
  readonly slices: number;
  /** Volumes, where slices lie in the same places several times. */
  readonly volumes: number;
  /** Distance of neighbours in mm. */
  readonly step: number | undefined;
  readonly problems: readonly Problem[];
}

/** Places nearer than this are one, in mm. */
const SAME_PLACE = 0.02;
/** Of the usual distance: what is more is a gap, what differs by less is even. */
const GAP = 1.5;
const UNEVEN = 0.1;

/** How the slices of a series lie, and what is missing or there twice. */
export function stackOf(files: readonly FileFacts[]): SliceStack {
  const at = files.flatMap((file) => file.places.map((place) => ({ file, place })));
  at.sort((a, b) => a.place - b.place);
  const groups: { place: number; files: FileFacts[] }[] = [];
  for (const { file, place } of at) {
    const last = groups.at(-1);
    if (last && place - last.place < SAME_PLACE) last.files.push(file);
    else groups.push({ place, files: [file] });
  }
  const counts = groups.map((group) => group.files.length);
  const volumes = mostCommon(counts);
  const steps = groups.slice(1).map(({ place }, index) => place - (groups[index]?.place ?? 0));
  const step = middleOf(steps);
  const missing = counts.filter((count) => count < volumes).length + gapsIn(steps, step);
  const doubled = groups.filter(({ files: own }) => own.length > volumes || holdsTwice(own)).length;
  const problems: Problem[] = [
    { code: 'missing_slices', count: missing },
    { code: 'doubled_slices', count: doubled },
    { code: 'uneven_spacing', count: missing > 0 ? 0 : unevenIn(steps, step) },
  ];
  return { slices: groups.length, volumes, step, problems: problems.filter(({ count }) => count > 0) };
}

/** Two single-slice files of one place that are the same image by number and by everything that tells volumes apart. */
function holdsTwice(files: readonly FileFacts[]): boolean {
  const single = files.filter(({ places }) => places.length === 1);
  return new Set(single.map(({ instance, volume }) => `${instance} ${volume}`)).size < single.length;
}

function gapsIn(steps: readonly number[], step: number | undefined): number {
  if (step === undefined) return 0;
  const gaps = steps.filter((distance) => distance > GAP * step);
  return gaps.reduce((sum, distance) => sum + Math.max(1, Math.round(distance / step) - 1), 0);
}

function unevenIn(steps: readonly number[], step: number | undefined): number {
  return step === undefined
    ? 0
    : steps.filter((distance) => Math.abs(distance - step) > UNEVEN * step).length;
}

/** 0 for none; of counts that are equally common the smaller. */
function mostCommon(counts: readonly number[]): number {
  const times = [...Map.groupBy(counts, (count) => count)].map(([count, all]) => ({
    count,
    times: all.length,
  }));
  times.sort((a, b) => b.times - a.times || a.count - b.count);
  return times[0]?.count ?? 0;
}

function middleOf(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}
