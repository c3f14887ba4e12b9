import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { badVolumesSchema, leftOut } from '../../output/bad-volumes.ts';
import { volumeJobsFlag } from '../../output/flags.ts';
import { selectionFlags, selectionOptions } from '../../output/selection-flags.ts';
import { nextLine, suffixFlags } from '../../output/suffix-flags.ts';
import { counted } from '../../runtime/base/text/counted.ts';

const resultSchema = z.object({
  path: z.string().describe('folder of the BIDS derivative'),
  steps: z.array(z.string()),
  images: z.array(
    z.object({
      file: z.string().describe('of the source, below its folder'),
      shape: z.array(z.number()).describe('voxels of the result'),
      head_ml: z.number().nullable().describe('volume of the mask of the head; null where no step needs it'),
    }),
  ),
  incomplete: z.array(z.string()).describe('sessions that lack a channel and were left out'),
  masks: z.array(z.string()).describe('masks of the source that came along, below its folder'),
  masks_empty: z
    .array(z.string())
    .describe('those of them of whose labels no voxel is left: cut off, or finer than the voxels'),
  masks_left: z.array(z.object({ file: z.string(), reason: z.string() })).describe('masks that did not'),
  bad: badVolumesSchema,
});
type Result = z.infer<typeof resultSchema>;

const { suffix, channel, incomplete, filter, 'one-per': onePer } = selectionFlags;

export default class PreprocessVolumes extends BaseCommand<Result> {
  static override summary = 'reorient, register, resample, crop and normalise the volumes of a BIDS data set';
  static override description =
    'Every T1-weighted volume of BIDS, or another contrast that the flags choose, goes through the steps of a pipeline; TARGET becomes a BIDS derivative that split, check and ' +
    'simulate take as it is. Without --pipeline: axes to RAS, bias field taken out (N4), 1 mm voxels, cropped to the head, z-score ' +
    'inside the head. Steps are reorient, bias_field, resample, register, crop, fit and intensity. With several --channel flags all images of a session come onto the grid of the first. Masks of ' +
    'derivatives and tables come along. The same source and steps give the same voxels, whatever --jobs.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> ./bids ./bids-1mm',
    '<%= config.bin %> <%= command.id %> ./bids ./prepared --pipeline ./pipeline.yaml --jobs 4',
    '<%= config.bin %> <%= command.id %> ./bids ./channels --channel T1w --channel T2w --channel FLAIR --incomplete drop',
  ];
  static override args = {
    bids: Args.string({ required: true, description: 'BIDS data set' }),
    target: Args.string({ required: true, description: 'folder to make; must not exist' }),
  };
  static override flags = {
    suffix,
    channel,
    incomplete,
    filter,
    'one-per': onePer,
    pipeline: Flags.string({ char: 'p', summary: 'YAML file with the steps' }),
    'skip-bad': Flags.boolean({ summary: 'leave images out that cannot be prepared, instead of stopping' }),
    jobs: volumeJobsFlag,
  };
  static override resultSchema = resultSchema;

  /** Put together where the flags are known. */
  #next = '';

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(PreprocessVolumes);
    const { readPipeline, STANDARD_PIPELINE } = await import('../../preprocess/preparation/pipeline.ts');
    const { prepareDataset } = await import('../../preprocess/preparation/prepare-dataset.ts');
    const pipeline = flags.pipeline === undefined ? STANDARD_PIPELINE : await readPipeline(flags.pipeline);
    const { readSelectionOptions } = await import('../../preprocess/select/selection-options.ts');
    const { selection = {} } = await readSelectionOptions(args.bids, selectionOptions(flags));
    const { path, images, incomplete, masks, masksEmpty, masksLeft, bad } = await prepareDataset({
      source: args.bids,
      target: args.target,
      pipeline,
      selection,
      jobs: flags.jobs,
      skipBad: flags['skip-bad'],
      signal: this.signal,
      progress: this.progress(),
    });
    const channels = (flags.channel ?? []).flatMap((one) => ['--channel', one]);
    const chosen = channels.length > 0 ? channels : suffixFlags(images.map(({ file }) => file));
    this.#next = nextLine(['check'], [path, ...chosen]);
    return {
      path,
      steps: pipeline.steps.map(({ step }) => step),
      images: images.map(({ file, shape, headMl }) => ({ file, shape: [...shape], head_ml: headMl })),
      incomplete: [...incomplete],
      masks: [...masks],
      masks_empty: [...masksEmpty],
      masks_left: [...masksLeft],
      bad: [...bad],
    };
  }

  protected override render({
    path,
    steps,
    images,
    incomplete,
    masks,
    masks_empty: empty,
    masks_left: others,
    bad,
  }: Result): string {
    const left = [
      ...leftOut(bad),
      ...incomplete.map((who) => `left out: ${who}`),
      ...empty.map((file) => `no label is left: ${file}`),
      ...others.map(({ file, reason }) => `left out: ${file}: ${reason}`),
    ];
    const carried = masks.length === 0 ? '' : ` and ${counted(masks.length, 'mask')}`;
    const first = `${counted(images.length, 'volume')}${carried} prepared in ${path}: ${steps.join(', ')}.`;
    return [first, ...left, this.#next].join('\n');
  }
}
