import { sum } from '../../base/sum.ts';
import type { MaskScore } from './score-case.ts';

/** What volumes are worth that were labelled: row i of everything is volume i. */
export interface JudgedVolumes {
  /** Of the person, and where a person has several volumes, of the volume. */
  readonly ids: readonly string[];
  readonly sites: readonly string[];
  readonly groups: readonly string[];
  /** Mean Dice of the labels that the mask shows; null for a mask that shows none. */
  readonly dice: readonly (number | null)[];
}

/** A volume that was labelled, and what that is worth. */
export interface ScoredVolume {
  readonly id: string;
  readonly site: string;
  readonly group: string;
  /** Its first channel, from the root of the data set. */
  readonly image: string;
  /** One a label, in their order. */
  readonly scores: readonly MaskScore[];
  /** Mean cross entropy of its voxels. */
  readonly loss: number;
}

/** Mean Dice of the labels that the mask shows; null where it shows none. */
export function diceOfShown(scores: readonly Pick<MaskScore, 'overlap' | 'dice'>[]): number | null {
  const shown = scores.filter(({ overlap }) => overlap.truth > 0);
  return shown.length === 0 ? null : sum(shown.map(({ dice }) => dice)) / shown.length;
}

export function judgedVolumes(volumes: readonly ScoredVolume[]): JudgedVolumes {
  const ids = volumes.map(({ id }) => id);
  const isAlone = new Set(ids).size === ids.length;
  return {
    ids: isAlone ? ids : volumes.map(({ id, image }) => `${id} ${image}`),
    sites: volumes.map(({ site }) => site),
    groups: volumes.map(({ group }) => group),
    dice: volumes.map(({ scores }) => diceOfShown(scores)),
  };
}
