import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../../command.ts';
import {
  type DefaceAnswer,
  defaceAnswer,
  defaceAnswerSchema,
  renderDeface,
} from '../../output/deface-summary.ts';
import { volumeJobsFlag } from '../../output/flags.ts';

export default class PreprocessDeface extends BaseCommand<DefaceAnswer> {
  static override summary = 'take the faces out of the images of a BIDS data set';
  static override description =
    'Makes a new data set of BIDS: all images of its subjects are looked through (anat, func, dwi, fmap, perf), faces are removed as by `preprocess bids`, and all else that is ' +
    'BIDS comes along. BIDS is only read. Masks of what was removed are in derivatives/defacing, code/defacing.tsv and the sidecar of each image say what was done. An image in which no head is found takes the face of another of its session ' +
    'on the same grid, or is refused. Derivatives and source data, which may show faces, are left out and named. A run that was broken off goes on where it was.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> ./bids --out ./bids-defaced',
    '<%= config.bin %> <%= command.id %> ./bids --out ./bids-defaced --keep bold --keep dwi',
  ];
  static override args = {
    bids: Args.string({ required: true, description: 'BIDS data set' }),
  };
  static override flags = {
    out: Flags.string({ char: 'o', required: true, summary: 'folder to make; must not exist' }),
    keep: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      summary: 'suffix of images that keep their faces, as bold; repeat for several',
    }),
    'skip-bad': Flags.boolean({ summary: 'leave images out that cannot be used, instead of stopping' }),
    jobs: volumeJobsFlag,
  };
  static override resultSchema = defaceAnswerSchema;

  protected override async execute(): Promise<DefaceAnswer> {
    const { args, flags } = await this.parse(PreprocessDeface);
    const { defaceDataset } = await import('../../preprocess/deface/tree/deface-dataset.ts');
    const result = await defaceDataset({
      source: args.bids,
      target: flags.out,
      keep: flags.keep ?? [],
      skipBad: flags['skip-bad'],
      jobs: flags.jobs,
      signal: this.signal,
      progress: this.progress(),
    });
    return defaceAnswer(result);
  }

  protected override render(answer: DefaceAnswer): string {
    return renderDeface(answer);
  }
}
