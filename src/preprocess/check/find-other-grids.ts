import { basename } from 'node:path';
import { gridDifference } from '../volume/grid.ts';
import { type Finding, finding } from './finding.ts';
import type { ImageFacts } from './inspect-image.ts';

/** Channels whose voxels are not those of the first channel of their example. */
export function findOtherGrids(images: readonly ImageFacts[]): Finding[] {
  const firsts = new Map(
    images.filter(({ channel }) => channel === 0).map(({ example, grid }) => [example, grid]),
  );
  return images.flatMap(({ path, participant, example, grid }) => {
    const first = firsts.get(example);
    const difference = first && gridDifference(first, grid);
    if (difference === undefined) return [];
    const params = { path, first: basename(example), difference };
    return [finding('error', 'NF_CHANNEL_GRID', { params, place: { file: path, participant } })];
  });
}
