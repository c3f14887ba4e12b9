import { z } from 'zod';
import { u8At } from '../../runtime/base/at.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { leastAt, type NoFace } from '../deface/deface-nifti.ts';
import { type FaceRegion, faceRegion, MOST_BRAIN_ML, tissueOf } from '../deface/remove-face.ts';
import type { SourceVolume } from './examination.ts';

/** What is to become of faces: `stripped` where the source says that only the brain is left. */
export type FaceRule = 'remove' | 'keep' | 'stripped';

export const FACE_OUTCOMES = {
  removed:
    'The face was removed: all in front of and below planes under the brain has the least value of the image',
  none: 'Nothing that is brighter than air lay in front of and below the brain',
  stripped: 'The source says that only the brain is left, so no face was looked for',
  slice: 'A single slice, in which no face is looked for: it may show a profile',
  kept: 'Faces were kept, as --no-deface says',
} as const;

/** What became of the face in one examination. */
export const faceFactsSchema = z.strictObject({
  outcome: z.enum(
    Object.keys(FACE_OUTCOMES) as [keyof typeof FACE_OUTCOMES, ...(keyof typeof FACE_OUTCOMES)[]],
  ),
  /** Millilitres that were removed and no air. */
  tissueMl: z.number().optional(),
});
export type FaceFacts = z.infer<typeof faceFactsSchema>;

/** Why a face is not removed, in the words of NF_DEFACE_HEAD. */
export const NO_FACE: Readonly<Record<NoFace, string>> = {
  blank: 'it shows no head',
  too_large: 'its field of view is larger than 520 mm, which is no head',
  no_brain: 'no brain with skull and skin around it is found in it',
  cut: 'the lower front of the brain lies outside of it',
  no_directions: 'its header does not say where right, front and top are, or contradicts itself',
};

/** Takes the face out of the images of one examination, which lie on one grid: the first that shows a head says for all where it is. */
export class ExaminationFace {
  readonly #rule: FaceRule;
  #outcome: FaceFacts['outcome'] | undefined;
  #region: FaceRegion | undefined;
  #fault: NoFace | undefined;

  constructor(rule: FaceRule) {
    this.#rule = rule;
    this.#outcome = rule === 'keep' ? 'kept' : undefined;
  }

  /** Whether it is known what to do with all images. */
  get isKnown(): boolean {
    return this.#outcome !== undefined;
  }

  /** Of the grid: 1 where voxels are removed; undefined where none are. */
  get mask(): Uint8Array | undefined {
    return this.#region?.mask;
  }

  /** @throws NF_DEFACE_STRIPPED for an image of a stripped head in which more than a brain is */
  look(volume: SourceVolume, name: string): void {
    if (this.isKnown) return;
    if (Math.min(...volume.shape) < 2) this.#outcome = 'slice';
    else if (this.#rule === 'stripped') this.#outcome = checkStripped(volume, name);
    else this.#find(volume);
  }

  #find(volume: SourceVolume): void {
    const found = volume.hasSureAxes === false ? 'no_directions' : faceRegion(volume);
    if (typeof found === 'string') {
      this.#fault ??= found;
      return;
    }
    this.#region = found;
    this.#outcome = found.tissueMl > 0 ? 'removed' : 'none';
  }

  /** Gives the voxels of the face the least value of the image. */
  remove({ data }: SourceVolume): void {
    const { mask } = this;
    if (!mask) return;
    const air = data[leastAt(data)] ?? 0;
    for (let at = 0; at < data.length; at++) if (u8At(mask, at) === 1) data[at] = air;
  }

  /** @throws NF_DEFACE_HEAD where no image shows a head */
  facts(name: string): FaceFacts {
    if (!this.#outcome) throw flError('NF_DEFACE_HEAD', { name, why: NO_FACE[this.#fault ?? 'blank'] });
    const tissueMl = this.#region && Number(this.#region.tissueMl.toFixed(1));
    return { outcome: this.#outcome, ...(tissueMl !== undefined && { tissueMl }) };
  }
}

function checkStripped(volume: SourceVolume, name: string): 'stripped' {
  const ml = tissueOf(volume);
  if (ml > MOST_BRAIN_ML) throw flError('NF_DEFACE_STRIPPED', { name, ml: Math.round(ml) });
  return 'stripped';
}
