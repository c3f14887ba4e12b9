import { relative } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { voxelSize } from '../../../preprocess/nifti/affine.ts';
import type { LabelledVolume } from '../../../preprocess/volume/labelled-volume.ts';
import type { PredictExamples } from '../../learning/dataset/example-set.ts';
import { labelsOf } from '../../learning/dataset/sliding-window.ts';
import type { VolumeExample, VolumeSet } from '../../learning/dataset/volume-set.ts';
import { crossEntropy } from '../../learning/trainer/overlap.ts';
import type { PlacedPerson } from '../site-data.ts';
import type { ScoredVolume } from './judged-volumes.ts';
import { regionsOf } from './regions.ts';
import type { LesionRules } from './rules.ts';
import { scoreRegions } from './score-case.ts';

/** A volume as it was labelled. */
export interface LabelledPair {
  readonly volume: LabelledVolume;
  /** [voxels] */
  readonly predicted: Uint8Array;
}

export interface ScoreRequest {
  readonly set: VolumeSet;
  /** In the order of the subjects of the set. */
  readonly people: readonly PlacedPerson[];
  readonly root: string;
  readonly rules: LesionRules;
  readonly predict: PredictExamples;
  readonly onScored: (done: number) => void;
  readonly signal: AbortSignal | undefined;
}

/** Labels one volume after the other and holds it against its mask. */
export async function scoreVolumes(request: ScoreRequest): Promise<ScoredVolume[]> {
  const { set, people, root, rules, onScored, signal } = request;
  const regions = regionsOf(set.labels);
  const scored: ScoredVolume[] = [];
  for (const example of set.volumes) {
    signal?.throwIfAborted();
    const { volume, logits } = await logitsOf(set, example, request.predict);
    const { labels: truth, shape, affine } = volume;
    const predicted = labelsOf(logits, regions.length + 1);
    const person = people[example.subject];
    if (!person) throw new RangeError(`there is no person ${example.subject}`);
    scored.push({
      id: person.row.id,
      site: person.site,
      group: person.group,
      image: relative(root, example.files.images[0] ?? root),
      scores: scoreRegions({ shape, voxel: voxelSize(affine), truth, predicted }, regions, rules),
      loss: crossEntropy(logits, truth),
    });
    onScored(scored.length);
    await nextTurn();
  }
  return scored;
}

/** Labels one volume of a set. */
export async function labelVolume(
  set: VolumeSet,
  example: VolumeExample,
  predict: PredictExamples,
): Promise<LabelledPair> {
  const { volume, logits } = await logitsOf(set, example, predict);
  return { volume, predicted: labelsOf(logits, set.labels.length + 1) };
}

async function logitsOf(set: VolumeSet, example: VolumeExample, predict: PredictExamples) {
  const volume = await set.read(example);
  return { volume, logits: await set.predict(volume, predict) };
}
