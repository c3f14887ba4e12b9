import type { FileFault } from './facts.ts';
import type { Problem, ProblemCode } from './problems.ts';
import type { ScannedSeries } from './scan.ts';
import type { SliceStack } from './slices.ts';
import { isReadSyntax } from './syntaxes.ts';

/** Bytes of all files of one conversion, which are in memory together with the volumes made of them. */
const MOST_BYTES = 2 ** 30;

/** Everything that is wrong with a series, graver things first. */
export function problemsOf(series: ScannedSeries, stack: SliceStack): Problem[] {
  const { files } = series;
  const faults = new Map<FileFault, number>();
  for (const fault of files.flatMap((file) => file.faults)) faults.set(fault, (faults.get(fault) ?? 0) + 1);
  const geometries = new Set(files.map(({ geometry }) => geometry));
  const isPicture = !faults.has('not_an_image');
  const orientations = new Set(files.map(({ geometry }) => geometry.split(', ')[2]));
  const isLocalizer = series.isLocalizer || (geometries.size > 1 && orientations.size >= 3);
  const isWhole = geometries.size === 1 && !isLocalizer;
  const found: [ProblemCode, number][] = [
    ...faults,
    ['not_mr', isPicture && !series.isMr ? files.length : 0],
    ['syntax', series.syntaxes.filter((uid) => !isReadSyntax(uid)).length],
    ['mixed_patients', series.isOfSeveral ? files.length : 0],
    ['copies_differ', series.copiesDiffer],
    ['localizer', isLocalizer ? files.length : 0],
    ['mixed_geometry', geometries.size > 1 && !isLocalizer ? geometries.size : 0],
    ['too_large', files.reduce((sum, { size }) => sum + size, 0) > MOST_BYTES ? files.length : 0],
    ...(isWhole ? stack.problems.map(({ code, count }): [ProblemCode, number] => [code, count]) : []),
    ['copies', series.copies],
    ['lossy', series.isLossy ? files.length : 0],
    ['no_patient_id', series.patient.isNamed ? 0 : files.length],
    ['late_start', isWhole ? lateStart(series) : 0],
  ];
  return found.filter(([, count]) => count > 0).map(([code, count]) => ({ code, count }));
}

/** Images before the first that is there, by their numbers. */
function lateStart({ files }: ScannedSeries): number {
  const first = files.reduce(
    (least, { instance = 1 }) => Math.min(least, instance),
    Number.POSITIVE_INFINITY,
  );
  return first > 1 ? first - 1 : 0;
}
