import { Flags } from '@oclif/core';
import type { SelectionOptions } from '../preprocess/select/selection-options.ts';

/** Which images of a BIDS data set, whatever their label. */
export const imageFlags = {
  suffix: Flags.string({
    summary: 'suffix of the images: T1w (default), FLAIR, bold, ...',
    helpGroup: 'SELECTION',
  }),
  channel: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    summary:
      'one of several images that make an example, as T1w,ce=gadolinium: its suffix, and its own filter; repeat in the order of the channels',
    helpGroup: 'SELECTION',
  }),
  incomplete: Flags.option({
    options: ['refuse', 'drop'] as const,
    summary:
      'subjects and sessions that lack a channel: named, and nothing is done (default), or left out and listed',
    helpGroup: 'SELECTION',
  })(),
  filter: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    summary:
      'entities of the file names, as ses=preop,ce=gad; several values by |, none after = for images without',
    helpGroup: 'SELECTION',
  }),
  'one-per': Flags.option({
    options: ['subject', 'session', 'all'] as const,
    summary: 'images used of a subject (default: all); the first by session, order of the filter, and run',
    helpGroup: 'SELECTION',
  })(),
  nan: Flags.option({
    options: ['zero'] as const,
    summary: 'zero: voxels that are NaN become 0; else they are refused',
    helpGroup: 'SELECTION',
  })(),
};

/** Which images of a BIDS data set, with which label and group: the same for every command that reads one, and for `data.selection` of a job. */
export const selectionFlags = {
  ...imageFlags,
  volume: Flags.string({
    summary: 'of 4-D images: mean, or the number of one volume, counted from 0',
    helpGroup: 'SELECTION',
  }),
  labels: Flags.string({
    summary:
      'table of the labels: participants.tsv, sessions.tsv, phenotype/x.tsv (default: the first with the column), or a path',
    helpGroup: 'SELECTION',
  }),
  'label-column': Flags.string({
    summary: 'column with the labels (default: diagnosis)',
    helpGroup: 'SELECTION',
  }),
  'label-map': Flags.string({
    summary: 'YAML or JSON file of lines "value: label"; null leaves a value out',
    helpGroup: 'SELECTION',
  }),
  'ignore-case': Flags.boolean({
    summary: 'labels that differ by upper and lower case are one',
    helpGroup: 'SELECTION',
  }),
  'group-column': Flags.string({
    summary: 'column with patient ids, in place of group_id: images of one stay together',
    helpGroup: 'SELECTION',
  }),
};

/** As the flags were parsed. */
interface SelectionFlags {
  readonly suffix?: string | undefined;
  readonly channel?: readonly string[] | undefined;
  readonly incomplete?: SelectionOptions['incomplete'];
  readonly filter?: readonly string[] | undefined;
  readonly 'one-per'?: SelectionOptions['onePer'];
  readonly volume?: string | undefined;
  readonly nan?: SelectionOptions['nan'];
  readonly labels?: string | undefined;
  readonly 'label-column'?: string | undefined;
  readonly 'label-map'?: string | undefined;
  readonly 'ignore-case'?: boolean | undefined;
  readonly 'group-column'?: string | undefined;
}

export function selectionOptions(flags: SelectionFlags): SelectionOptions {
  return {
    suffix: flags.suffix,
    channel: flags.channel,
    incomplete: flags.incomplete,
    filter: flags.filter,
    onePer: flags['one-per'],
    volume: flags.volume,
    nan: flags.nan,
    labels: flags.labels,
    labelColumn: flags['label-column'],
    labelMap: flags['label-map'],
    ignoreCase: flags['ignore-case'],
    groupColumn: flags['group-column'],
  };
}
