import { z } from 'zod';
import { flError } from '../../runtime/base/errors/errors.ts';
import { checkYaml } from '../../runtime/base/files/yaml-check.ts';
import { readYaml } from '../../runtime/base/files/yaml-source.ts';
import { VALUE_NAMES, type ValueName } from './values.ts';

/** Suffixes of BIDS 1.11 for MR images of one series, by the folder that they belong in. */
export const SUFFIXES = {
  anat: [
    'T1w',
    'T2w',
    'PDw',
    'T2starw',
    'FLAIR',
    'inplaneT1',
    'inplaneT2',
    'angio',
    'UNIT1',
    'T1map',
    'T2map',
    'PDT2',
  ],
  func: ['bold', 'sbref', 'cbv'],
  dwi: ['dwi', 'sbref'],
} as const;
const ALL_SUFFIXES = [...new Set(Object.values(SUFFIXES).flat())];
/** In the order of BIDS; run, echo and part are given by neuroflare. */
export const ENTITIES = ['task', 'acq', 'ce', 'rec', 'dir'] as const;

const label = z.string().regex(/^[0-9A-Za-z+]+$/, 'letters, digits and + alone are wanted');
const one = z.union([z.string(), z.number()]);
const range = z
  .strictObject({ min: z.number().optional(), max: z.number().optional() })
  .refine(({ min, max }) => min !== undefined || max !== undefined, 'min, max or both are wanted');
const criterion = z
  .union([one, z.array(one).min(1), z.boolean(), range])
  .describe(
    'a text with * and ?, a number, a list of which one must fit, true or false for there or not, {min, max}',
  );
export type Criterion = z.output<typeof criterion>;

const when = z
  .strictObject(
    Object.fromEntries(VALUE_NAMES.map((name) => [name, criterion.optional()])) as Record<
      ValueName,
      z.ZodOptional<typeof criterion>
    >,
  )
  .refine((value) => Object.keys(value).length > 0, 'one criterion at least is wanted');

const rule = z
  .strictObject({
    name: z.string().min(1).describe('how the rule is called in tables; default: its suffix'),
    when,
    skip: z.boolean().optional().describe('true: such series are left out on purpose'),
    deface: z
      .boolean()
      .default(true)
      .describe('false: faces stay in such series, as in slabs that show none'),
    datatype: z
      .enum(['anat', 'func', 'dwi'])
      .optional()
      .describe('default: the one that the suffix belongs to'),
    suffix: z.enum(ALL_SUFFIXES as [string, ...string[]]).optional(),
    entities: z
      .strictObject(
        Object.fromEntries(ENTITIES.map((name) => [name, label.optional()])) as Record<
          (typeof ENTITIES)[number],
          z.ZodOptional<typeof label>
        >,
      )
      .optional(),
    sidecar: z
      .record(
        z.string().regex(/^[A-Z][A-Za-z0-9]*$/, 'a key of BIDS is wanted'),
        z.union([z.string(), z.number(), z.boolean()]),
      )
      .optional()
      .describe(
        'what is known of the scan and not said by its headers, such as {ParallelReductionFactorInPlane: 1}',
      ),
  })
  .superRefine((value, context) => {
    const issue = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (value.skip === true && value.suffix !== undefined)
      issue('skip', 'a rule either leaves series out or names their suffix');
    if (value.skip !== true && value.suffix === undefined)
      issue('suffix', 'is missing: what the series become, such as T1w');
    const isFunctional = datatypeOf(value) === 'func';
    if (value.suffix !== undefined && isFunctional && value.entities?.task === undefined)
      issue('entities', 'a task is wanted for func, such as {task: rest}');
    const allowed: readonly string[] = SUFFIXES[datatypeOf(value)];
    if (value.suffix !== undefined && !allowed.includes(value.suffix))
      issue('datatype', `'${value.suffix}' does not belong in ${datatypeOf(value)}`);
  });
export type SeriesRule = z.output<typeof rule>;

const labelTable = z.strictObject({
  table: z
    .string()
    .min(1)
    .describe('CSV or TSV file, relative to this one; it is read and never written out'),
  id: z.string().min(1).describe('its column of patient ids, as in the DICOM files'),
  label: z.string().min(1).describe('its column of labels, which becomes the column diagnosis'),
});

const mapSchema = z.strictObject({
  version: z.literal(1),
  rules: z.array(rule).min(1),
  labels: labelTable.optional(),
  dates: z
    .enum(['shift', 'drop'])
    .default('shift')
    .describe('times of acquisition: shifted by a secret span, or left out'),
  dataset_type: z
    .enum(['raw', 'derivative'])
    .default('raw')
    .describe(
      'raw: the validator may recommend values that the headers do not hold; derivative: it asks for none',
    ),
  drop: z.array(z.string()).default([]).describe('sidecar keys to leave out beside those that always are'),
});
export type SeriesMap = z.output<typeof mapSchema> & {
  /** The file it came from. */
  readonly path: string;
};

/** @throws NF_PATH_MISSING; NF_DICOM_MAP_YAML and NF_DICOM_MAP with line and column */
export async function readSeriesMap(path: string): Promise<SeriesMap> {
  const source = await readYaml(path, 'NF_DICOM_MAP_YAML').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT' && cause.code !== 'ENOTDIR') throw cause;
    throw flError('NF_PATH_MISSING', { what: 'DICOM map', path }, { place: { file: path }, cause });
  });
  return { ...checkYaml(mapSchema, source, { code: 'NF_DICOM_MAP', what: 'the file' }), path };
}

export function datatypeOf({
  datatype,
  suffix,
}: {
  datatype?: SeriesRule['datatype'] | undefined;
  suffix?: string | undefined;
}): keyof typeof SUFFIXES {
  if (datatype !== undefined) return datatype;
  const found = Object.entries(SUFFIXES).find(([, suffixes]) =>
    (suffixes as readonly string[]).includes(suffix ?? ''),
  );
  return (found?.[0] ?? 'anat') as keyof typeof SUFFIXES;
}
