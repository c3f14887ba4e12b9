import { availableParallelism } from 'node:os';
import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { counted } from '../../runtime/base/text/counted.ts';
import { shellWord } from '../../runtime/base/text/shell-word.ts';

const resultSchema = z.object({
  path: z.string().describe('folder of the BIDS data set'),
  participants: z.number(),
  sites: z.number(),
  per_class: z.number().describe('subjects of each diagnosis at each site'),
  seed: z.number(),
  shape: z.array(z.number()).describe('voxels along right, anterior, superior'),
});
type Result = z.infer<typeof resultSchema>;

export default class PreprocessPhantom extends BaseCommand<Result> {
  static override summary = 'make a BIDS data set of simulated MRI heads with and without brain tumours';
  static override description =
    'Writes T1-weighted 3-D heads of four classes (glioma, meningioma, pituitary, no_tumor) seen by a different scanner at each ' +
    'site, with masks of the tumours in derivatives/lesions. The options fix every byte, whatever --jobs.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> data/phantom',
    '<%= config.bin %> <%= command.id %> data/phantom --sites 5 --per-class 20 --size 96 --seed 7',
  ];
  static override args = {
    out: Args.string({ required: true, description: 'folder to make; must not exist' }),
  };
  static override flags = {
    sites: Flags.integer({
      default: 3,
      min: 1,
      max: 1000,
      summary: 'number of sites, each with its own scanner',
    }),
    'per-class': Flags.integer({
      default: 4,
      min: 1,
      max: 10_000,
      summary: 'subjects of each of the four classes at each site',
    }),
    size: Flags.integer({ default: 64, min: 16, max: 256, summary: 'voxels across the head' }),
    seed: Flags.integer({ default: 0, min: 0, max: 2 ** 31 - 1, summary: 'which heads to draw' }),
    jobs: Flags.integer({
      char: 'j',
      default: availableParallelism(),
      defaultHelp: async () => 'number of processors',
      min: 1,
      max: 256,
      summary: 'threads',
    }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(PreprocessPhantom);
    const { generatePhantom } = await import('../../preprocess/phantom/generate.ts');
    const { perClass, shape, ...made } = await generatePhantom({
      target: args.out,
      sites: flags.sites,
      perClass: flags['per-class'],
      size: flags.size,
      seed: flags.seed,
      jobs: flags.jobs,
      signal: this.signal,
      progress: this.progress(),
    });
    return { ...made, per_class: perClass, shape: [...shape] };
  }

  protected override render(result: Result): string {
    const { participants, sites, per_class: perClass, shape, path } = result;
    return (
      `${participants} simulated heads of ${shape.join(' x ')} voxels: ${counted(sites, 'site')}, ` +
      `${perClass} of each class at each site.\n${path}\n` +
      `Next: neuroflare preprocess split ${shellWord(path)} --strategy column`
    );
  }
}
