import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../../command.ts';
import { selectionFlags, selectionOptions } from '../../output/selection-flags.ts';
import { renderSplit } from '../../output/split-summary.ts';
import { type SplitResult, splitResultSchema } from '../../preprocess/split/result.ts';
import {
  isOfStrategy,
  STRATEGIES,
  STRATEGIES_OF,
  STRATEGY_KEYS,
  USUAL,
} from '../../preprocess/split/strategy.ts';
import { flError } from '../../runtime/base/errors/errors.ts';

const FLAG_OF = {
  alpha: 'alpha',
  shards_per_site: 'shards-per-site',
  skew_column: 'skew-column',
  site_column: 'site-column',
} as const;

export default class PreprocessSplit extends BaseCommand<SplitResult> {
  static override summary = 'deal a BIDS data set to sites and to train, validation and test';
  static override description =
    'Images that may be of one patient (group_id of participants.tsv, else the subject) stay together: at one site and in one ' +
    'part. Copies and images under two labels are left out. The result is a manifest with seed, rule, counts and a digest; ' +
    '--materialize writes one BIDS tree a site.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> ./bids --sites 3 --strategy dirichlet --alpha 0.5 --out ./split.json',
    '<%= config.bin %> <%= command.id %> ./bids --sites 5 --fold 2/5 --out ./fold-2.json',
    '<%= config.bin %> <%= command.id %> ./bids --strategy column --site-column site --out ./split.json',
    '<%= config.bin %> <%= command.id %> ./bids --sites 4 --strategy shards --shards-per-site 2 --out ./split.json',
    '<%= config.bin %> <%= command.id %> ./bids --strategy dirichlet --skew-column scanner --out ./split.json',
    '<%= config.bin %> <%= command.id %> ./ds --filter ses=preop --label-column type --label-map map.yaml --one-per subject',
    '<%= config.bin %> <%= command.id %> ./bids --split ./split.json --materialize ./site-data',
  ];

  static override args = {
    bids: Args.string({ required: true, description: 'BIDS data set' }),
  };

  static override flags = {
    ...selectionFlags,
    sites: Flags.integer({ min: 1, summary: 'number of sites (default: 3, or those the column names)' }),
    strategy: Flags.option({
      options: STRATEGIES,
      default: 'iid',
      summary:
        'alike sites (iid), drawn shares of each class (dirichlet), few classes a site (shards), drawn sizes (quantity), or sites from a column',
    })(),
    alpha: Flags.string({
      default: String(USUAL.alpha),
      summary: 'concentration for dirichlet and quantity: small is uneven',
    }),
    'shards-per-site': Flags.integer({
      min: 1,
      default: USUAL.shards_per_site,
      summary: 'classes of each site, for shards',
    }),
    'skew-column': Flags.string({
      summary:
        'for dirichlet and shards: sites differ in this column, such as the scanner, and not in the classes',
    }),
    'site-column': Flags.string({
      default: USUAL.site_column,
      summary: 'column of participants.tsv for column',
    }),
    'min-groups': Flags.integer({ min: 1, summary: 'groups (patients) that each site must have' }),
    validation: Flags.string({ default: '0.15', summary: 'share of the images to validate on' }),
    test: Flags.string({ default: '0.15', summary: 'share of the images to test on' }),
    fold: Flags.string({
      summary: 'K/N for cross-validation: fold K of N is the test part',
      exclusive: ['test'],
    }),
    links: Flags.string({
      summary: 'table of pairs that stay together, as `preprocess check --links` writes it',
    }),
    seed: Flags.integer({ min: 0, default: 0, summary: 'the same seed gives the same split' }),
    out: Flags.string({ default: 'split.json', summary: 'manifest to write' }),
    split: Flags.string({
      summary: 'use this manifest instead of making one',
      exclusive: [
        'sites',
        'out',
        'seed',
        'strategy',
        'alpha',
        'site-column',
        'shards-per-site',
        'skew-column',
        'min-groups',
        'validation',
        'test',
        'fold',
        'links',
      ],
    }),
    materialize: Flags.string({ summary: 'folder to make, with one BIDS tree a site' }),
    report: Flags.string({ summary: 'JSON to write: how unlike the sites are, in sizes and classes' }),
  };

  static override resultSchema = splitResultSchema;

  #bids = '';

  protected override async execute(): Promise<SplitResult> {
    const { args, flags, metadata } = await this.parse(PreprocessSplit);
    this.#bids = args.bids;
    for (const key of STRATEGY_KEYS) {
      const flag = FLAG_OF[key];
      const isGiven = flags[flag] !== undefined && !metadata.flags[flag]?.setFromDefault;
      if (!isGiven || isOfStrategy(key, flags.strategy)) continue;
      const strategies = STRATEGIES_OF[key].join(' or ');
      throw flError('NF_SPLIT_UNUSED', { flag, strategies, actual: flags.strategy });
    }
    const { runSplit } = await import('../../preprocess/split/run-split.ts');
    return runSplit({
      bidsRoot: args.bids,
      select: selectionOptions(flags),
      strategy: flags.strategy,
      sites: flags.sites ?? (flags.strategy === 'column' ? undefined : USUAL.sites),
      siteColumn: flags['site-column'],
      alpha: flags.alpha,
      shardsPerSite: flags['shards-per-site'],
      skewColumn: flags['skew-column'],
      minGroups: flags['min-groups'],
      validation: flags.validation,
      test: flags.test,
      fold: flags.fold,
      links: flags.links,
      seed: flags.seed,
      out: flags.out,
      existing: flags.split,
      materialize: flags.materialize,
      report: flags.report,
      progress: this.progress(),
      signal: this.signal,
    });
  }

  protected override render(result: SplitResult): string {
    return renderSplit(result, this.#bids);
  }
}
