import { describe, expect, it } from 'vitest';
import { errorEnvelope, errorText, successEnvelope } from '../../../src/output/envelope.ts';
import { renderTable } from '../../../src/output/table.ts';
import { flError } from '../../../src/runtime/base/errors/errors.ts';

describe('a table', () => {
  it('has columns two spaces apart, numbers to the right', () => {
    expect(
      renderTable(
        ['name', 'n'],
        [
          ['a', '10'],
          ['long name', '5'],
        ],
      ),
    ).toBe('name        n\na          10\nlong name   5');
  });

  it('has text to the left, though it begins with a digit', () => {
    expect(
      renderTable(
        ['x', 'y'],
        [
          ['3 x 3', 'b'],
          ['4', 'c'],
        ],
      ),
    ).toBe('x      y\n3 x 3  b\n4      c');
  });

  it('counts figures that are missing as figures', () => {
    expect(
      renderTable(
        ['a', 'b'],
        [
          ['1.500', '-'],
          ['-', '22'],
        ],
      ),
    ).toBe('    a   b\n1.500   -\n    -  22');
  });

  it('does not count colours as width', () => {
    expect(renderTable(['a', 'b'], [['\u001b[1mx\u001b[0m', 'y']])).toBe('a  b\n\u001b[1mx\u001b[0m  y');
  });

  it('of no rows is its header', () => {
    expect(renderTable(['a', 'b'], [])).toBe('a  b');
  });

  it('fills in cells that a row lacks', () => {
    expect(renderTable(['a', 'b'], [['x']])).toBe('a  b\nx');
  });
});

describe('an envelope', () => {
  it('of a success holds the data', () => {
    expect(JSON.parse(successEnvelope({ a: 1 }, 0))).toEqual({
      schema_version: '1',
      status: 'ok',
      exit_code: 0,
      data: { a: 1 },
    });
  });

  it('of a check that found faults says failed, with its data', () => {
    expect(JSON.parse(successEnvelope([1], 1))).toMatchObject({ status: 'failed', exit_code: 1, data: [1] });
  });

  it('holds null where there is no data', () => {
    expect(JSON.parse(successEnvelope(undefined, 0))).toHaveProperty('data', null);
  });

  it('of an error holds code, message, hint and location', () => {
    const error = flError('NF_PATH_MISSING', { what: 'Job', path: 'x' }, { place: { file: 'x', line: 2 } });
    expect(JSON.parse(errorEnvelope(error, 130))).toEqual({
      schema_version: '1',
      status: 'error',
      exit_code: 130,
      error_code: 'NF_PATH_MISSING',
      message: 'Job not found: x',
      hint: expect.any(String),
      location: { file: 'x', line: 2 },
    });
  });

  it('is one line, whatever is in it', () => {
    expect(successEnvelope({ text: 'a\nb' }, 0)).not.toContain('\n');
  });
});

describe('an error in text', () => {
  it('says what, where, the source, what next and the code, in this order', () => {
    const place = { file: 'job.yaml', line: 3, column: 5, key: 'a.b', excerpt: '3 | x\n  | ^' };
    expect(errorText(flError('NF_USAGE', { message: 'Wrong.' }, { place }))).toBe(
      [
        'Error: Wrong.',
        '  at a.b, job.yaml:3:5',
        '    3 | x',
        '      | ^',
        '  next: Run the command with --help to see its arguments.',
        '  code: NF_USAGE',
      ].join('\n'),
    );
  });
});
