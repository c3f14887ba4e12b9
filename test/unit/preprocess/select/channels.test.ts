import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chooseExamples } from '../../../../src/preprocess/bids/choose-images.ts';
import { readSelectionOptions } from '../../../../src/preprocess/select/selection-options.ts';
import { type Selection, selectionSchema } from '../../../../src/runtime/base/selection/selection.ts';

const code = (name: string) => expect.objectContaining({ code: name });

/** Names of one subject's images, without `sub-01_` and `.nii.gz`. */
function choose(names: readonly string[], written: object) {
  const selection = selectionSchema.parse(written);
  const paths = names.map((name) => `/ds/sub-01/anat/sub-01_${name}.nii.gz`);
  const { examples, incomplete } = chooseExamples(() => paths, selection);
  const short = (path: string) => basename(path).slice('sub-01_'.length, -'.nii.gz'.length);
  return {
    examples: examples.map((example) => example.map(short).join(' ')),
    incomplete: incomplete.map(({ session, missing }) => `${session}: ${missing.join(', ')}`),
  };
}

const BOTH = ['T1w', { suffix: 'T1w', filter: { ce: 'gad' } }];
const TWO = ['T1w', 'FLAIR'];

describe('one image of each channel is taken', () => {
  const CASES: [string, string[], object, string[], string[]][] = [
    [
      'in the order of the channels',
      ['FLAIR', 'T1w', 'T2w'],
      { channels: ['T1w', 'FLAIR'] },
      ['T1w FLAIR'],
      [],
    ],
    [
      'told apart by filters of their own',
      ['ce-gad_T1w', 'T1w'],
      {
        channels: [
          { suffix: 'T1w', filter: { ce: 'gad' } },
          { suffix: 'T1w', filter: { ce: null } },
        ],
      },
      ['ce-gad_T1w T1w'],
      [],
    ],
    [
      'of each session',
      ['ses-2_FLAIR', 'ses-1_T1w', 'ses-2_T1w', 'ses-1_FLAIR'],
      { channels: TWO },
      ['ses-1_T1w ses-1_FLAIR', 'ses-2_T1w ses-2_FLAIR'],
      [],
    ],
    ['never of two sessions', ['ses-1_T1w', 'ses-2_FLAIR'], { channels: TWO }, [], ['1: FLAIR', '2: T1w']],
    [
      'the first run of each',
      ['run-2_T1w', 'run-1_T1w', 'FLAIR'],
      { channels: TWO },
      ['run-1_T1w FLAIR'],
      [],
    ],
    [
      'of the sessions of the filter',
      ['ses-pre_T1w', 'ses-pre_FLAIR', 'ses-post_T1w'],
      { channels: TWO, filter: { ses: 'pre' } },
      ['ses-pre_T1w ses-pre_FLAIR'],
      [],
    ],
    [
      'of the first session, by the order of the filter',
      ['ses-a_T1w', 'ses-a_FLAIR', 'ses-b_T1w', 'ses-b_FLAIR'],
      { channels: TWO, one_per: 'subject', filter: { ses: ['b', 'a'] } },
      ['ses-b_T1w ses-b_FLAIR'],
      [],
    ],
    [
      'of a subject whose first session is incomplete, which is named',
      ['ses-1_T1w', 'ses-2_T1w', 'ses-2_FLAIR'],
      { channels: TWO, one_per: 'subject' },
      [],
      ['1: FLAIR'],
    ],
    [
      'of the first complete session, where others are dropped',
      ['ses-1_T1w', 'ses-2_T1w', 'ses-2_FLAIR'],
      { channels: TWO, one_per: 'subject', incomplete: 'drop' },
      ['ses-2_T1w ses-2_FLAIR'],
      [],
    ],
    ['of none', ['T2w'], { channels: TWO }, [], []],
  ];
  it.each(CASES)('%s', (_what, names, selection, examples, incomplete) => {
    expect(choose(names, selection)).toEqual({ examples, incomplete });
  });

  it('unless two may be meant, or two channels take the same', () => {
    expect(() => choose(['T1w', 'ce-gad_T1w', 'FLAIR'], { channels: TWO })).toThrow(
      code('NF_SELECT_AMBIGUOUS'),
    );
    expect(() => choose(['ce-gad_T1w'], { channels: BOTH })).toThrow(code('NF_SELECT_CHANNEL_TWICE'));
  });
});

describe('channels of the command line', () => {
  it('are those of a job', async () => {
    const { selection } = await readSelectionOptions('ds', {
      channel: ['T1w,ce=', 'T1w,ce=gad|gd', 'FLAIR'],
      filter: ['ses=pre'],
      incomplete: 'drop',
    });
    const channels: Selection['channels'] = [
      { suffix: 'T1w', filter: { ce: [null] } },
      { suffix: 'T1w', filter: { ce: ['gad', 'gd'] } },
      { suffix: 'FLAIR' },
    ];
    expect(selection).toEqual({ channels, filter: { ses: ['pre'] }, incomplete: 'drop' });
    const job = {
      channels: [
        { suffix: 'T1w', filter: { ce: null } },
        { suffix: 'T1w', filter: { ce: ['gad', 'gd'] } },
        'FLAIR',
      ],
      filter: { ses: 'pre' },
      incomplete: 'drop',
    };
    expect(selectionSchema.parse(job)).toEqual(selection);
  });

  const BAD: [string, Parameters<typeof readSelectionOptions>[1], RegExp][] = [
    ['one alone', { channel: ['T1w'] }, /--channel/],
    ['one twice', { channel: ['T1w', 'T1w'] }, /names a channel twice/],
    ['a suffix beside them', { channel: TWO, suffix: 'T1w' }, /--suffix 'T1w'.*beside channels/],
    ['every image beside them', { channel: TWO, onePer: 'all' }, /--one-per 'all'.*subject or session/],
    ['an entity in two places', { channel: ['T1w,ce=gad', 'FLAIR'], filter: ['ce=gad'] }, /names 'ce'/],
    [
      'what is to become of incomplete ones without them',
      { incomplete: 'drop' },
      /--incomplete 'drop'.*channels/,
    ],
    ['an entity that is none', { channel: ['T1w,xy=1', 'FLAIR'] }, /no entity of BIDS/],
  ];
  it.each(BAD)('are refused: %s', async (_what, options, says) => {
    const error = await readSelectionOptions('ds', options).catch((thrown) => thrown);
    expect(error.code).toMatch(/^NF_SELECT_(OPTION|FILTER)$/);
    expect(error.message).toMatch(says);
  });
});
