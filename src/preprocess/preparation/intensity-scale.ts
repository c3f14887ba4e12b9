import { z } from 'zod';
import { prettyJson } from '../../runtime/base/digest.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { checkYaml } from '../../runtime/base/files/yaml-check.ts';
import { readYaml } from '../../runtime/base/files/yaml-source.ts';
import { LANDMARK_PERCENTILES, meanScale, type ScaleSums } from './landmarks.ts';

const finite = z.number();

/** A standard scale as it is kept: a JSON file of this form. */
export const scaleSchema = z.strictObject({
  version: z.literal(1),
  kind: z.literal('neuroflare-intensity-scale'),
  method: z.literal('nyul'),
  /** Images that it was fitted to. */
  images: z.int().min(1),
  /** Steps that change values and came before, by name: a scale is good for images that went through the same. */
  after: z.array(z.string()),
  percentiles: z.array(finite).refine((given) => given.join() === LANDMARK_PERCENTILES.join(), {
    message: `must be ${LANDMARK_PERCENTILES.join(', ')}`,
  }),
  /** One for each percentile. */
  landmarks: z
    .array(finite)
    .length(LANDMARK_PERCENTILES.length)
    .refine((given) => given.every((value, at) => at === 0 || value >= (given[at - 1] ?? 0)), {
      message: 'must not fall from one to the next',
    })
    .refine((given) => (given.at(-1) ?? 0) > (given[0] ?? 0), { message: 'must not all be the same' }),
});
export type IntensityScale = z.output<typeof scaleSchema>;

/** The text of the file. `after`: names of the steps before that change values. */
export function scaleText(sums: ScaleSums, after: readonly string[]): string {
  const scale: IntensityScale = {
    version: 1,
    kind: 'neuroflare-intensity-scale',
    method: 'nyul',
    images: sums.images,
    after: [...after],
    percentiles: [...LANDMARK_PERCENTILES],
    landmarks: [...meanScale(sums)],
  };
  return prettyJson(scale);
}

/** @throws NF_PATH_MISSING; NF_SCALE_JSON, NF_SCALE with line and key */
export async function readScale(path: string): Promise<IntensityScale> {
  const source = await readYaml(path, 'NF_SCALE_JSON').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT' && cause.code !== 'ENOTDIR') throw cause;
    throw flError('NF_PATH_MISSING', { what: 'Scale', path }, { place: { file: path }, cause });
  });
  return checkYaml(scaleSchema, source, { code: 'NF_SCALE', what: 'the file' });
}
