import { greysOfScale, type PictureHarmony } from '../../../preprocess/picture/harmonise.ts';
import type { PictureOptions } from '../../../preprocess/picture/pictures.ts';
import { meanScale } from '../../../preprocess/preparation/landmarks.ts';
import type { Harmonisation } from '../../algorithms/harmonisation/record.ts';
import { formText } from '../../algorithms/harmonisation/tasks.ts';
import { canonicalJson, sha256 } from '../../base/digest.ts';
import { flError } from '../../base/errors/errors.ts';
import { counted } from '../../base/text/counted.ts';
import type { HarmonyRule } from './harmony-rules.ts';

/**
 * What is done with the pictures of a site. One that the harmonisation has no effects of (it came later, or had too few people) has the
 * landmarks of every image brought to those of all sites, which needs nothing but the image itself.
 */
export function harmonyOf(
  { landmarks, effects }: Harmonisation,
  site: string | undefined,
): { readonly harmony: PictureHarmony; readonly rule: HarmonyRule } {
  const own =
    effects && site !== undefined && Object.hasOwn(effects.sites, site) ? effects.sites[site] : undefined;
  const greys = effects?.means ?? greysOfScale(meanScale(landmarks ?? { images: 1, sums: [] }));
  const goal = own ? { gain: own.gain, offset: own.offset } : { greys };
  const rule = own ? 'effects of the site' : 'landmarks alone';
  return { harmony: { id: sha256(canonicalJson(goal)), goal }, rule };
}

/** A sentence where a site has no effects of its own in a harmonisation that has effects; undefined: it has. */
export function ruleNote({ effects }: Harmonisation, site: string | undefined): string | undefined {
  if (!effects || (site !== undefined && Object.hasOwn(effects.sites, site))) return undefined;
  const whose =
    site === undefined ? 'No site is named' : `The harmonisation of the run has no effects of ${site}`;
  return `${whose}: greys are brought to the mean landmarks of all sites, and nothing else is done.`;
}

/** @throws NF_HARMONISE_PICTURES of pictures that the harmonisation says nothing of */
export function requireHarmonised(
  { form }: Harmonisation,
  { imageSize, slices, layout }: Pick<PictureOptions, 'imageSize' | 'slices' | 'layout'>,
  what = 'The data set that the script opens',
): void {
  const own = { image_size: imageSize, slices };
  if (layout === 'montage' && formText(own) === formText(form)) return;
  const actual =
    layout === 'montage'
      ? formText(own)
      : `${counted(slices, 'picture')} of ${imageSize} pixels for each volume`;
  throw flError('NF_HARMONISE_PICTURES', { what, actual, expected: formText(form) });
}
