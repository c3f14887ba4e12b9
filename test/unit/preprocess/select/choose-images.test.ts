import { describe, expect, it } from 'vitest';
import { chooseImages } from '../../../../src/preprocess/bids/choose-images.ts';
import type { Selection } from '../../../../src/runtime/base/selection/selection.ts';

/** Names of one subject's images, without `sub-01_` and `.nii.gz`. */
function choose(names: readonly string[], selection: Selection): string[] {
  const paths = names.map((name) => `/ds/sub-01/anat/sub-01_${name}.nii.gz`);
  return chooseImages(paths, selection).map((path) => path.slice('/ds/sub-01/anat/sub-01_'.length, -7));
}

const code = (name: string) => expect.objectContaining({ code: name });

describe('images are taken', () => {
  const CASES: [string, string[], Selection, string[]][] = [
    ['T1w where nothing is said', ['T1w', 'T2w', 'FLAIR'], {}, ['T1w']],
    ['all of them where nothing is said', ['run-2_T1w', 'run-1_T1w'], {}, ['run-1_T1w', 'run-2_T1w']],
    ['by suffix', ['T1w', 'FLAIR'], { suffix: 'FLAIR' }, ['FLAIR']],
    ['by the whole suffix alone', ['T1w', 'xT1w'], {}, ['T1w']],
    ['by an entity', ['ses-pre_T1w', 'ses-post_T1w'], { filter: { ses: ['pre'] } }, ['ses-pre_T1w']],
    [
      'by two entities',
      ['ses-pre_T1w', 'ses-pre_ce-gad_T1w'],
      { filter: { ses: ['pre'], ce: ['gad'] } },
      ['ses-pre_ce-gad_T1w'],
    ],
    ['without an entity', ['T1w', 'ce-gad_T1w'], { filter: { ce: [null] } }, ['T1w']],
    ['by an index as a number', ['run-01_T1w', 'run-02_T1w'], { filter: { run: ['2'] } }, ['run-02_T1w']],
    ['by a session as a text', ['ses-01_T1w', 'ses-1_T1w'], { filter: { ses: ['1'] } }, ['ses-1_T1w']],
    ['one a subject, the first session', ['ses-10_T1w', 'ses-2_T1w'], { one_per: 'subject' }, ['ses-2_T1w']],
    ['one a subject, the first run', ['run-2_T1w', 'run-1_T1w'], { one_per: 'subject' }, ['run-1_T1w']],
    [
      'one a session',
      ['ses-1_run-2_T1w', 'ses-1_run-1_T1w', 'ses-2_T1w'],
      { one_per: 'session' },
      ['ses-1_run-1_T1w', 'ses-2_T1w'],
    ],
    [
      'the value that is named first',
      ['acq-lo_T1w', 'acq-hi_T1w'],
      { one_per: 'subject', filter: { acq: ['hi', 'lo'] } },
      ['acq-hi_T1w'],
    ],
    [
      'the second value where the first is missing',
      ['acq-lo_T1w'],
      { one_per: 'subject', filter: { acq: ['hi', 'lo'] } },
      ['acq-lo_T1w'],
    ],
    ['none', ['T2w'], { one_per: 'subject' }, []],
  ];
  it.each(CASES)('%s', (_what, names, selection, taken) => {
    expect(choose(names, selection)).toEqual(taken);
  });
});

describe('it cannot be known which is meant', () => {
  const CASES: [string, string[], Selection, string][] = [
    ['with and without contrast', ['T1w', 'ce-gad_T1w'], { one_per: 'subject' }, 'ce (none, gad)'],
    ['of two reconstructions', ['rec-norm_T1w', 'rec-raw_T1w'], { one_per: 'session' }, 'rec'],
    [
      'of two tasks',
      ['task-a_run-1_bold', 'task-b_run-1_bold'],
      { suffix: 'bold', one_per: 'subject' },
      'task (a, b)',
    ],
    [
      'with a filter of something else',
      ['ses-1_acq-a_T1w', 'ses-1_acq-b_T1w'],
      { one_per: 'subject', filter: { ses: ['1'] } },
      'acq',
    ],
  ];
  it.each(CASES)('%s', (_what, names, selection, says) => {
    expect(() => choose(names, selection)).toThrow(code('NF_SELECT_AMBIGUOUS'));
    expect(() => choose(names, selection)).toThrow(says);
  });

  it('of .nii and .nii.gz', () => {
    const paths = ['/ds/sub-01/anat/sub-01_T1w.nii', '/ds/sub-01/anat/sub-01_T1w.nii.gz'];
    expect(() => chooseImages(paths, { one_per: 'subject' })).toThrow('their ending');
  });
});
