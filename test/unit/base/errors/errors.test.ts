import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERROR_CATALOG } from '../../../../src/runtime/base/errors/catalog.ts';
import {
  flError,
  formatPlace,
  NeuroflareError,
  reviveError,
  toNeuroflareError,
} from '../../../../src/runtime/base/errors/errors.ts';

const ROWS = Object.entries(ERROR_CATALOG);

describe('the error catalogue', () => {
  it.each(ROWS)('%s has an exit code of the contract, a message and a hint', (code, row) => {
    expect(code).toMatch(/^NF(_[A-Z0-9]+)+$/);
    expect([1, 2, 3, 4, 5, 130]).toContain(row.exit);
    expect(row.message).not.toBe('');
    expect(row.hint).not.toBe('');
  });

  it('names no code twice', async () => {
    const folder = new URL('../../../../src/runtime/base/errors/catalog/', import.meta.url);
    const parts = readdirSync(folder).map((file) => import(new URL(file, folder).href));
    const rows = (await Promise.all(parts)).flatMap((part) => Object.values(part));
    expect(rows.flatMap((part) => Object.keys(part as object)).sort()).toEqual(
      Object.keys(ERROR_CATALOG).sort(),
    );
  });
});

describe('an error', () => {
  it('fills its parameters into message and hint', () => {
    const error = flError('NF_PATH_MISSING', { what: 'Job', path: 'jobs/x' });
    expect(error.message).toBe('Job not found: jobs/x');
    expect(error).toMatchObject({ code: 'NF_PATH_MISSING', exitCode: 4 });
  });

  it('does not fill placeholders that stand in a parameter', () => {
    expect(flError('NF_PATH_MISSING', { what: '{path}', path: 'x' }).message).toBe('{path} not found: x');
  });

  it('leaves out parameters that are not given', () => {
    expect(new NeuroflareError('NF_COMMAND_UNKNOWN', { command: 'x' }).message).toBe("Unknown command 'x'.");
  });

  it.each([
    [1, '1 image is an exact copy of another.'],
    [2, '2 images are exact copies of others.'],
    [0, '0 images are exact copies of others.'],
  ])('counts in words: %i', (count, message) => {
    expect(flError('NF_CHECK_COPIES', { count }).message).toBe(message);
  });

  it('comes back from its report as it was', () => {
    const place = { file: 'a.ts', line: 3, column: 5, site: 'site-1', round: 2 };
    const error = flError('NF_SCRIPT_FAILED', { message: 'no' }, { place });
    const revived = reviveError(JSON.parse(JSON.stringify({ ...error.report(), stack: 'at a.ts:3:5' })));
    expect(revived.report()).toEqual(error.report());
    expect(revived.stack).toBe('at a.ts:3:5');
  });

  it('keeps its cause', () => {
    const cause = new Error('deep');
    expect(flError('NF_INTERNAL', { message: 'x' }, { cause }).cause).toBe(cause);
  });
});

describe('whatever was thrown', () => {
  const system = (code: string) =>
    Object.assign(new Error(code), { code, syscall: 'mkdir', path: '/data/x' });

  it.each([
    ['ENOSPC', 'NF_DISK_FULL', 1],
    ['EACCES', 'NF_PATH_DENIED', 4],
    ['EPERM', 'NF_PATH_DENIED', 4],
    ['EROFS', 'NF_PATH_DENIED', 4],
    ['ENOTDIR', 'NF_PATH_UNUSABLE', 4],
    ['EEXIST', 'NF_PATH_UNUSABLE', 4],
    ['EISDIR', 'NF_PATH_UNUSABLE', 4],
    ['ENAMETOOLONG', 'NF_PATH_UNUSABLE', 4],
    ['ENOENT', 'NF_PATH_UNUSABLE', 4],
    ['EDQUOT', 'NF_DISK_FULL', 1],
  ])('%s becomes %s, which names the path', (code, expected, exitCode) => {
    const error = toNeuroflareError(system(code));
    expect(error).toMatchObject({ code: expected, exitCode });
    expect(error.message).toContain('/data/x');
  });

  it('names what was to be written, and does so in English', () => {
    const copy = { code: 'EISDIR', syscall: 'copyfile', path: '/from', dest: '/to' };
    expect(toNeuroflareError(Object.assign(new Error('x'), copy)).message).toBe(
      'Cannot copy /to: it is a folder.',
    );
    const gone = { code: 'ENOENT', syscall: 'open', path: '/gone' };
    expect(toNeuroflareError(Object.assign(new Error('x'), gone))).toMatchObject({ code: 'NF_PATH_MISSING' });
  });

  it.each([new Error('odd'), 'odd'])('is an internal error if nothing is known of it: %s', (thrown) => {
    expect(toNeuroflareError(thrown)).toMatchObject({ code: 'NF_INTERNAL', exitCode: 5 });
    expect(toNeuroflareError(thrown).message).toContain('odd');
  });

  it('stays what it is if it is one of ours', () => {
    const error = flError('NF_USAGE', { message: 'x' });
    expect(toNeuroflareError(error)).toBe(error);
    expect(error).toBeInstanceOf(NeuroflareError);
  });
});

describe('a place', () => {
  it.each([
    [undefined, ''],
    [{}, ''],
    [{ file: 'job.yaml' }, 'job.yaml'],
    [{ file: 'job.yaml', line: 3 }, 'job.yaml:3'],
    [{ file: 'job.yaml', line: 3, column: 5, key: 'data.root' }, 'data.root, job.yaml:3:5'],
    [{ site: 'site-1', round: 2, file: 'a.ts', line: 1, column: 2 }, 'site-1, round 2, a.ts:1:2'],
    [{ site: 'site-1', round: 0 }, 'site-1, round 0'],
  ])('%j reads %j', (place, text) => {
    expect(formatPlace(place)).toBe(text);
  });
});
