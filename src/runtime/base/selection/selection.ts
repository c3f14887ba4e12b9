import { z } from 'zod';
import { canonicalJson, sha256 } from '../digest.ts';
import { didYouMean } from '../text/nearest.ts';
import { ENTITIES } from './entities.ts';

/** A value of an entity; null stands for images that lack the entity. */
const entityValue = z.union([
  z
    .union([z.string(), z.int()])
    .transform(String)
    .pipe(z.string().regex(/^[0-9A-Za-z+]+$/, 'a value is letters, digits and plus signs')),
  z.null(),
]);

const filter = z
  .record(z.string(), z.union([z.array(entityValue).min(1), entityValue.transform((value) => [value])]))
  .superRefine((entities, context) => {
    for (const name of Object.keys(entities).filter((key) => !ENTITIES.has(key))) {
      const message = `is no entity of BIDS.${didYouMean(name, ENTITIES)}`;
      context.addIssue({ code: 'custom', path: [name], message });
    }
  })
  .describe(
    'entities of the file name and the values that are taken, one or a list in order of preference: {ses: preop, ce: [gad, null]}; null takes images without the entity',
  );

/** What a table may name a class, once it is mapped: safe in any place. */
const LABEL = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/;

const labelMap = z
  .record(
    z.string(),
    z.union([
      z.string().regex(LABEL, 'a label is letters, digits, - and _, and begins with a letter'),
      z.null(),
    ]),
  )
  .refine((map) => Object.keys(map).length > 0, 'holds no lines `value: label`')
  .describe('from the values of the label column to the classes; null leaves the images of a value out');

const columnName = z.string().min(1);

/**
 * Which images of a BIDS data set are meant, with which label and group: one declaration for `preprocess split`, `preprocess check` and the
 * job's `data.selection`; the split manifest records it. What is left out is as in `DEFAULTS`.
 */
export const selectionSchema = z.strictObject({
  suffix: z
    .string()
    .regex(/^[0-9A-Za-z]+$/, 'a suffix is letters and digits')
    .optional()
    .describe('suffix of the images in BIDS: T1w, FLAIR, bold; default T1w'),
  filter: filter.optional(),
  one_per: z
    .enum(['subject', 'session', 'all'])
    .optional()
    .describe(
      'images used of a subject; of several the first by session, then by the order of the filter, then by run is taken; default all',
    ),
  volume: z
    .union([z.literal('mean'), z.int().min(0)])
    .optional()
    .describe('of 4-D images: their mean over time (motion is not corrected), or one volume, counted from 0'),
  nan: z.enum(['zero']).optional().describe('zero: voxels that are NaN become 0; else they are refused'),
  labels: z
    .string()
    .min(1)
    .optional()
    .describe(
      'table with the labels, from the data set: participants.tsv, sessions.tsv (of each subject) or phenotype/x.tsv; default: the first of these that has the column',
    ),
  label_column: columnName.optional().describe('column with the labels; default diagnosis'),
  label_map: labelMap.optional(),
  ignore_case: z
    .boolean()
    .optional()
    .describe('labels and keys of the map that differ by upper and lower case are one'),
  group_column: columnName
    .optional()
    .describe('column with patient ids: images of one stay together; takes the place of group_id'),
});

export type Selection = z.output<typeof selectionSchema>;

/** What holds where a selection says nothing. */
export const DEFAULTS = { suffix: 'T1w', one_per: 'all', label_column: 'diagnosis' } as const;

/** A path that stays in the folder it starts from. */
export function staysInside(path: string): boolean {
  const parts = path.split(/[\\/]/);
  return !/^([\\/]|[A-Za-z]:)/.test(path) && !parts.includes('..');
}

/** As a job may say it: others' jobs name no table outside a site's data set. */
export const jobSelectionSchema = selectionSchema.refine(
  ({ labels }) => labels === undefined || staysInside(labels),
  { path: ['labels'], message: 'must be a path inside the data set, as phenotype/x.tsv' },
);

/** Of what it says: equal for selections that choose the same. */
export function selectionDigest(selection: Selection): string {
  return sha256(canonicalJson(withoutDefaults(selection)));
}

/** Nothing where it says what holds anyway. */
export function withoutDefaults(selection: Selection): Selection {
  const said = Object.entries(selection).filter(
    ([key, value]) =>
      value !== undefined && DEFAULTS[key as keyof typeof DEFAULTS] !== value && value !== false,
  );
  return Object.fromEntries(said);
}

export function isDefault(selection: Selection): boolean {
  return Object.keys(withoutDefaults(selection)).length === 0;
}

/** How images are chosen and read, without whom they belong to. */
export function imagesOf({ suffix, filter, one_per, volume, nan }: Selection): Selection {
  return withoutDefaults({ suffix, filter, one_per, volume, nan });
}

/** How a chosen image is read. */
export function readAs({ volume, nan }: Selection): Pick<Selection, 'volume' | 'nan'> {
  return { ...(volume !== undefined && { volume }), ...(nan && { nan }) };
}
