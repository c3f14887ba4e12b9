import { z } from 'zod';
import { FIGURE_NAMES } from '../preprocess/quality/figures.ts';
import { partedOutcomes } from '../preprocess/quality/outcome.ts';
import { LEAST_IMAGES } from '../preprocess/quality/outliers.ts';
import type { QualityResult } from '../preprocess/quality/run-quality.ts';
import { badVolumesSchema } from './bad-volumes.ts';

const figure = z.enum(FIGURE_NAMES);

/** What `preprocess quality` answers. */
export const qualityAnswerSchema = z.object({
  suffix: z.string(),
  images: z.array(
    z.object({
      file: z.string().describe('from the root of the data set'),
      participant: z.string(),
      site: z.string().nullable(),
      kind: z.enum(['volume', 'series', 'picture']),
      shape: z.array(z.number()),
      figures: z.partialRecord(figure, z.number().nullable()).describe('null: not defined for the image'),
      not_defined: z.partialRecord(figure, z.string()).describe('why'),
      outlying: z.array(
        z.object({
          figure,
          value: z.number(),
          median: z.number().describe('of the site'),
          z: z.number().describe('distance from it in robust standard deviations'),
        }),
      ),
    }),
  ),
  sites: z.array(
    z.object({
      site: z.string(),
      images: z.number(),
      compared: z
        .array(z.object({ figure, images: z.number(), median: z.number() }))
        .describe(
          `figures that ${LEAST_IMAGES} images or more have; others are too few to say what stands out`,
        ),
    }),
  ),
  failed: z
    .array(z.object({ file: z.string(), condition: z.string(), value: z.number() }))
    .describe('conditions of --fail-on that images meet'),
  undecided: z

    .array(
      z.object({
        condition: z.string(),
        images: z.number(),
        all: z.boolean().describe('it cannot be told of any image, so nothing was judged by it'),
        because: z.string(),
      }),
    )
    .describe('conditions that cannot be told of some images'),
  bad: badVolumesSchema.describe('images that cannot be read'),
  out: z.string().nullable(),
  sheet: z.string().nullable(),
  maps: z.array(z.string()).describe('temporal SNR maps in the derivative, without their endings'),
});
export type QualityAnswer = z.output<typeof qualityAnswerSchema>;

export function qualityAnswer(result: QualityResult): QualityAnswer {
  const { images, outliers, groups, verdict, bad, maps, ...said } = result;
  return {
    suffix: said.suffix,
    images: images.map(({ file, participant, site, kind, shape, figures }) => {
      return {
        file,
        participant,
        site,
        kind,
        shape: [...shape],
        ...partedOutcomes(FIGURE_NAMES.map((name) => [name, figures[name]] as const)),
        outlying: (outliers.get(file) ?? []).map((one) => ({ ...one })),
      };
    }),
    sites: groups.map(({ site, images: count, compared }) => ({
      site,
      images: count,
      compared: compared.map((one) => ({ ...one })),
    })),
    failed: verdict.failed.map((one) => ({ ...one })),
    undecided: verdict.undecided.map((one) => ({ ...one })),
    bad: bad.map((one) => ({ ...one })),
    out: said.out,
    sheet: said.sheet,
    maps: [...maps],
  };
}
