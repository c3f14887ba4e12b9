import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { badVolumesSchema, leftOut } from '../../output/bad-volumes.ts';
import { volumeJobsFlag } from '../../output/flags.ts';
import { counted } from '../../runtime/base/text/counted.ts';

const resultSchema = z.object({
  path: z.string().describe('file of the scale'),
  part: z.enum(['train', 'all']).describe('images that were looked at'),
  images: z.array(z.string()).describe('below the data set'),
  bad: badVolumesSchema,
});
type Result = z.infer<typeof resultSchema>;

export default class PreprocessScale extends BaseCommand<Result> {
  static override summary = 'fit a standard scale of intensities to the training images of a data set';
  static override description =
    'The scale of Nyul and Udupa: where the percentiles of the head lie in the mean of the images. Each image goes through the steps of ' +
    'the pipeline before `method: nyul`, which then names the file that is written here. Of a data set that was split, the training ' +
    'parts alone are looked at: those of --split, or those that the column partition of participants.tsv names.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> ./bids ./scale.json --pipeline ./pipeline.yaml --split ./split.json',
  ];
  static override args = {
    bids: Args.string({ required: true, description: 'BIDS data set' }),
    target: Args.string({ required: true, description: 'JSON file to write; must not exist' }),
  };
  static override flags = {
    pipeline: Flags.string({ char: 'p', required: true, summary: 'YAML file with the steps' }),
    split: Flags.string({ summary: 'split manifest; images of its training parts are looked at' }),
    'skip-bad': Flags.boolean({ summary: 'leave images out that cannot be used, instead of stopping' }),
    jobs: volumeJobsFlag,
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(PreprocessScale);
    const { readStepsBeforeScale } = await import('../../preprocess/preparation/pipeline.ts');
    const { fitScale } = await import('../../preprocess/preparation/fit-scale.ts');
    const { path, part, images, bad } = await fitScale({
      source: args.bids,
      target: args.target,
      pipeline: await readStepsBeforeScale(flags.pipeline),
      split: flags.split,
      jobs: flags.jobs,
      skipBad: flags['skip-bad'],
      signal: this.signal,
      progress: this.progress(),
    });
    return { path, part, images: images.map(({ file }) => file), bad: [...bad] };
  }

  protected override render({ path, part, images, bad }: Result): string {
    const whose = part === 'train' ? 'training image' : 'image';
    return [`The scale of ${counted(images.length, whose)} is in ${path}.`, ...leftOut(bad)].join('\n');
  }
}
