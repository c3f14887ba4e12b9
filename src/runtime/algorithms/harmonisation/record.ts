import { z } from 'zod';
import { parseJson } from '../../base/parse-json.ts';

/** Of `harmonisation.json`. What changes a key of it raises it; what was before stays readable. */
const HARMONISATION_VERSION = 1;

/** nyul: the greys of every image come to lie on one scale; combat: what sites differ by is taken out of them. */
export const METHODS = ['nyul', 'combat'] as const;
export type Method = (typeof METHODS)[number];

const count = z.int().nonnegative();
const numbers = z.array(z.number()).max(100_000);

/** Which pictures are meant: what is known of these says nothing of others. */
export const pictureFormSchema = z.strictObject({
  image_size: z.int().min(8).max(4096),
  slices: z.int().min(1).max(4096).describe('wished of a volume'),
});
export type PictureForm = Readonly<z.output<typeof pictureFormSchema>>;

/** Sums of landmarks over images, each image's brought to a scale from 0 to 100. A site that is bounded counts with a part of its images. */
export const landmarkSumsSchema = z.strictObject({ images: z.number().nonnegative(), sums: numbers });

const siteSchema = z.strictObject({
  images: z.array(count).readonly().describe('of the training part, by class: what the effects are from'),
  gain: numbers.describe('by landmark: what its grey is multiplied by'),
  offset: numbers.describe('by landmark, in greys: what is added then'),
});

/** What takes scanners out of pictures: a file of the run, made of sums over the training parts of its sites. */
const harmonisationSchema = z.strictObject({
  version: z.literal(HARMONISATION_VERSION),
  kind: z.literal('neuroflare-harmonisation'),
  method: z.enum(METHODS),
  form: pictureFormSchema,
  landmarks: landmarkSumsSchema.nullable().describe('nyul: what the scale is the mean of; null of combat'),
  effects: z
    .strictObject({
      means: numbers.describe('by landmark, in greys: over the images of all sites'),
      sites: z.record(z.string(), siteSchema).readonly(),
    })
    .nullable()
    .describe('combat: of each site; null of nyul'),
});
export type Harmonisation = Readonly<z.output<typeof harmonisationSchema>>;

/** Undefined: the text is none of this version. */
export function parseHarmonisation(text: string): Harmonisation | undefined {
  return harmonisationSchema.safeParse(parseJson(text)).data;
}

/** What all of them say. */
export function recordOf(
  found: Pick<Harmonisation, 'method' | 'form' | 'landmarks' | 'effects'>,
): Harmonisation {
  return { version: HARMONISATION_VERSION, kind: 'neuroflare-harmonisation', ...found };
}
