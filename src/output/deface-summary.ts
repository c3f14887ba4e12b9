import { z } from 'zod';
import type { DefaceResult } from '../preprocess/deface/tree/deface-dataset.ts';
import { counted } from '../runtime/base/text/counted.ts';
import { nextLine, suffixFlags } from './suffix-flags.ts';

const OUTCOMES = ['removed', 'none', 'kept', 'slice', 'stripped'] as const;

/** What `preprocess deface` answers with. */
export const defaceAnswerSchema = z.object({
  path: z.string().describe('folder of the new data set'),
  images: z.array(
    z.object({
      file: z.string().describe('below the data set'),
      face: z
        .enum(OUTCOMES)
        .describe(
          'none: nothing that is brighter than air lay there; slice and stripped: no face was looked for',
        ),
      removed_ml: z
        .number()
        .nullable()
        .describe('tissue that was removed; null where no face was looked for'),
      brain_ml: z.number().nullable().describe('of the surface that was taken for that of the brain'),
    }),
  ),
  masks: z
    .array(z.object({ file: z.string(), removed_ml: z.number() }))
    .describe('masks of derivatives that came along, and how much of them lay in the face'),
  left: z
    .array(z.object({ file: z.string(), reason: z.string() }))
    .describe('what does not come along: no images of subjects, or in no form that faces are looked for in'),
  bad: z.array(z.object({ file: z.string(), code: z.string(), message: z.string() })),
  resumed: z.int().describe('images that an earlier run had written'),
});
export type DefaceAnswer = z.infer<typeof defaceAnswerSchema>;

export function defaceAnswer({ path, images, masks, left, bad, resumed }: DefaceResult): DefaceAnswer {
  const ml = (value: number | undefined, digits: number) =>
    value === undefined ? null : Number(value.toFixed(digits));
  return {
    path,
    images: images.map(({ file, outcome, removedMl, brainMl }) => ({
      file,
      face: outcome,
      removed_ml: ml(removedMl, 1),
      brain_ml: ml(brainMl, 0),
    })),
    masks: masks.map(({ file, removedMl }) => ({ file, removed_ml: Number(removedMl.toFixed(1)) })),
    left: [...left],
    bad: [...bad],
    resumed,
  };
}

const SAID: Readonly<Record<(typeof OUTCOMES)[number], string>> = {
  removed: 'face removed',
  none: 'nothing in the place of the face',
  kept: 'face kept, as --keep says',
  slice: 'a single slice, in which no face is looked for',
  stripped: 'the brain alone, as the sidecar says',
};

/** For people. */
export function renderDeface({ path, images, masks, left, bad, resumed }: DefaceAnswer): string {
  const counts = OUTCOMES.flatMap((outcome) => {
    const count = images.filter(({ face }) => face === outcome).length;
    return count === 0 ? [] : [`${counted(count, 'image')}: ${SAID[outcome]}`];
  });
  return [
    ...counts,
    ...(resumed > 0 ? [`${counted(resumed, 'image')} of an earlier run taken up`] : []),
    ...(masks.length > 0 ? [`${counted(masks.length, 'mask')} of derivatives came along`] : []),
    ...masks.flatMap(({ file, removed_ml: ml }) =>
      ml > 0 ? [`${file}: ${ml} ml of it lay in the face, and were removed`] : [],
    ),
    ...bad.map(({ file, message }) => `left out: ${file}: ${message}`),
    ...left.map(({ file, reason }) => `left out: ${file}: ${reason}`),
    `BIDS data set: ${path}`,
    'Look at the masks in derivatives/defacing (preprocess view shows them). People can be recognised by what is left, too (ears, teeth, the skull): treat the images as personal data.',
    nextLine(['check'], [path, ...suffixFlags(images.map(({ file }) => file))]),
  ].join('\n');
}
