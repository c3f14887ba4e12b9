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

const suffix = z.string().regex(/^[0-9A-Za-z]+$/, 'a suffix is letters and digits');

/** More contrasts than this nobody scans of one head. */
const MOST_CHANNELS = 16;

const channels = z
  .array(
    z.union([
      suffix.transform((name): Channel => ({ suffix: name })),
      z.strictObject({ suffix, filter: filter.optional() }),
    ]),
  )
  .min(2)
  .max(MOST_CHANNELS)
  .refine(
    (list) => new Set(list.map((one) => canonicalJson(one))).size === list.length,
    'names a channel twice',
  )
  .describe(
    'images of one subject and session that make one example, in this order, each a suffix or {suffix, filter}: [{suffix: T1w, filter: {ce: null}}, {suffix: T1w, filter: {ce: gadolinium}}, T2w, FLAIR]; takes the place of suffix',
  );

/** One of the images that make an example: its suffix, and entities beside those of the whole selection's filter. */
export interface Channel {
  readonly suffix: string;
  readonly filter?: Readonly<Record<string, readonly (string | null)[]>> | undefined;
}

/**
 * Which images of a BIDS data set are meant, with which label and group: one declaration for `preprocess split`, `preprocess check` and the
 * job's `data.selection`; the split manifest records it. What is left out is as in `DEFAULTS`.
 */
const selectionObject = z.strictObject({
  suffix: suffix.optional().describe('suffix of the images in BIDS: T1w, FLAIR, bold; default T1w'),
  channels: channels.optional(),
  incomplete: z
    .enum(['refuse', 'drop'])
    .optional()
    .describe(
      'subjects and sessions that lack a channel: refuse names them and stops; drop leaves them out and lists them; default refuse',
    ),
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

/** Of one key each, for those who list them. */
export const SELECTION_KEYS = Object.keys(selectionObject.shape);
export const labelMapSchema = labelMap;

export const selectionSchema = selectionObject.superRefine((selection, context) => {
  for (const { key, message } of channelFaults(selection))
    context.addIssue({ code: 'custom', path: [key], message });
});

export type Selection = z.output<typeof selectionObject>;

/** What cannot be said beside channels, and what says nothing without them. */
function channelFaults({ channels: list, ...others }: Selection): { key: string; message: string }[] {
  if (!list) {
    return others.incomplete === undefined
      ? []
      : [{ key: 'incomplete', message: 'is about channels: name them' }];
  }
  const twice = list
    .flatMap((channel) => Object.keys(channel.filter ?? {}))
    .find((entity) => others.filter?.[entity] !== undefined);
  return [
    ...(others.suffix === undefined
      ? []
      : [{ key: 'suffix', message: 'has no place beside channels, which have their own' }]),
    ...(others.one_per === 'all'
      ? [{ key: 'one_per', message: 'is subject or session beside channels: each session makes one example' }]
      : []),
    ...(twice === undefined
      ? []
      : [
          {
            key: 'filter',
            message: `names '${twice}', which a channel names, too: say it in one of the two places`,
          },
        ]),
  ];
}

/** What holds where a selection says nothing. */
export const DEFAULTS = {
  suffix: 'T1w',
  one_per: 'all',
  label_column: 'diagnosis',
  incomplete: 'refuse',
} as const;

/** What a selection says of each channel as a selection of its own; itself where it names no channels. */
export function channelSelections(selection: Selection): readonly Selection[] {
  const { channels: list, incomplete: _, ...shared } = selection;
  if (!list) return [selection];
  return list.map(({ suffix: own, filter: more }) => {
    const both = { ...shared.filter, ...more } as NonNullable<Selection['filter']>;
    return { ...shared, suffix: own, ...(Object.keys(both).length > 0 && { filter: both }) };
  });
}

/** Images that make one example. */
export function channelCount({ channels: list }: Selection): number {
  return list?.length ?? 1;
}

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
export function imagesOf(selection: Selection): Selection {
  const { suffix: own, channels: list, incomplete, filter: entities, one_per, volume, nan } = selection;
  return withoutDefaults({ suffix: own, channels: list, incomplete, filter: entities, one_per, volume, nan });
}

/** How a chosen image is read. */
export function readAs({ volume, nan }: Selection): Pick<Selection, 'volume' | 'nan'> {
  return { ...(volume !== undefined && { volume }), ...(nan && { nan }) };
}
