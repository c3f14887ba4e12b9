import { basename, resolve } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../../command.ts';
import { renderBids } from '../../output/bids-summary.ts';
import { type BidsSummary, bidsSummarySchema } from '../../preprocess/bids/summary.ts';
import { letBuffersPass } from '../../runtime/base/threads/let-buffers-pass.ts';

export default class PreprocessBids extends BaseCommand<BidsSummary> {
  static override summary = 'turn class folders of JPEG or PNG images into a BIDS data set';
  static override description =
    'SOURCE holds one folder of images for each class, or such folders under Training and Testing. TARGET becomes a BIDS ' +
    'derivative with one participant an image. Exact copies and images under two labels are marked, and images that may be of ' +
    'one patient are grouped, so that splits can keep them together. A run that was broken off goes on where it was.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> ./kaggle/Training ./bids',
    '<%= config.bin %> <%= command.id %> ./kaggle ./bids --head-mask --size 128',
  ];

  static override args = {
    source: Args.string({ required: true, description: 'folder of class folders' }),
    target: Args.string({ required: true, description: 'folder to make; must not exist' }),
  };

  static override flags = {
    size: Flags.integer({ min: 16, max: 4096, summary: 'letterbox to a square of so many pixels' }),
    'head-mask': Flags.boolean({
      summary: 'crop to the head and set what lies outside to zero (a heuristic head mask, not a brain mask)',
    }),
    'label-map': Flags.string({
      summary: 'YAML or JSON file of lines "folder: label", for other folder names',
    }),
    'group-threshold': Flags.string({
      default: '0.90',
      summary: 'correlation over which two images count as one patient',
    }),
    'skip-bad': Flags.boolean({ summary: 'leave files out that cannot be used, instead of stopping' }),
    'dry-run': Flags.boolean({ summary: 'read, check and group the images, but write nothing' }),
    jobs: Flags.integer({ char: 'j', min: 1, max: 64, default: 4, summary: 'images worked on at once' }),
    name: Flags.string({ summary: 'name of the data set (default: that of the target folder)' }),
    author: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      summary: 'who made the images; repeat for several',
    }),
    license: Flags.string({
      default: 'Unknown; that of the source images applies',
      summary: 'licence of the images',
    }),
  };

  static override resultSchema = bidsSummarySchema;

  protected override async execute(): Promise<BidsSummary> {
    const { args, flags } = await this.parse(PreprocessBids);
    const { convertClassFolders } = await import('../../preprocess/bids/convert.ts');
    const { DEFAULT_CAP, parseThreshold } = await import('../../preprocess/groups/find-groups.ts');
    letBuffersPass();
    return convertClassFolders({
      source: args.source,
      target: args.target,
      labelMap: flags['label-map'],
      processing: { size: flags.size, headMask: flags['head-mask'] },
      rule: { threshold: parseThreshold(flags['group-threshold']), cap: DEFAULT_CAP },
      name: flags.name ?? basename(resolve(args.target)),
      license: flags.license,
      authors: flags.author ?? [],
      jobs: flags.jobs,
      skipBad: flags['skip-bad'],
      dryRun: flags['dry-run'],
      progress: this.progress(),
      signal: this.signal,
    });
  }

  /** A dry run that found bad files answers "no". */
  protected override exitCodeOf(result: BidsSummary): 0 | 1 {
    return result.target === null && result.bad.length > 0 ? 1 : 0;
  }

  protected override render(result: BidsSummary): string {
    return renderBids(result);
  }
}
