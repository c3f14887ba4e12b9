import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseParticipants } from '../../src/preprocess/bids/participants.ts';
import { NeuroflareError } from '../../src/runtime/base/errors/errors.ts';

/** What may stand in a cell: no tab, no line break. */
const cell = fc
  .string({ unit: 'grapheme', maxLength: 12 })
  .filter((text) => !/[\t\r\n\uFEFF\uFFFD]|[\uD800-\uDFFF](?![\uDC00-\uDFFF])/.test(text));
const table = fc
  .record({
    columns: fc.uniqueArray(cell, { minLength: 1, maxLength: 4 }),
    ids: fc.uniqueArray(fc.stringMatching(/^[0-9A-Za-z+]{1,8}$/), { minLength: 1, maxLength: 6 }),
    cells: fc.array(cell, { minLength: 24, maxLength: 24 }),
  })
  .filter(({ columns }) => !columns.includes('participant_id'));

describe('a participants.tsv of any cells', () => {
  it('is read as it was written, with n/a and empty cells left out, whatever its line ends', () => {
    fc.assert(
      fc.property(
        table,
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        ({ columns, ids, cells }, end, last) => {
          const of = (row: number, column: number) => cells[row * 4 + column] ?? '';
          const lines = [
            ['participant_id', ...columns],
            ...ids.map((id, row) => [`sub-${id}`, ...columns.map((_, column) => of(row, column))]),
          ].map((words) => words.join('\t'));
          const parsed = parseParticipants(
            Buffer.from(lines.join(end) + (last ? end : '')),
            'participants.tsv',
          );
          expect(parsed.columns).toEqual(['participant_id', ...columns]);
          expect(parsed.rows.map(({ id }) => id)).toEqual(ids.map((id) => `sub-${id}`));
          for (const [row, { line, values }] of parsed.rows.entries()) {
            expect(line).toBe(row + 2);
            for (const [column, name] of columns.entries()) {
              const text = of(row, column);
              expect(values.get(name)).toBe(text === '' || text === 'n/a' ? undefined : text);
            }
          }
        },
      ),
    );
  });
});

describe('any bytes', () => {
  it('are a table or refused by name, with the file', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 60 }),
          fc.string().map((text) => Buffer.from(`participant_id\t${text}`)),
        ),
        (bytes) => {
          try {
            expect(parseParticipants(bytes, 'a.tsv').rows.length).toBeGreaterThan(0);
          } catch (error) {
            if (!(error instanceof NeuroflareError)) throw error;
            expect(error).toMatchObject({ code: 'NF_BIDS_PARTICIPANTS', place: { file: 'a.tsv' } });
          }
        },
      ),
    );
  });
});
