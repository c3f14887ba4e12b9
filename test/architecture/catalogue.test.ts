import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERROR_CATALOG } from '../../src/runtime/kernel/catalog.ts';
import { flError } from '../../src/runtime/kernel/errors.ts';

const root = join(import.meta.dirname, '../..');
const sources = globSync('src/**/*.ts', { cwd: root })
  .filter((path) => !path.includes('kernel/catalog'))
  .map((path) => readFileSync(join(root, path), 'utf8'))
  .join('\n');
const rows = Object.entries(ERROR_CATALOG);

describe('error catalogue', () => {
  it('has no code that nothing raises', () => {
    expect(rows.map(([code]) => code).filter((code) => !sources.includes(`'${code}'`))).toEqual([]);
  });

  it.each(rows)('%s says what to do next', (_, { message, hint, exit }) => {
    expect(message).not.toBe('');
    expect(hint).toMatch(/[a-z{]/i);
    expect([1, 2, 3, 4, 5, 130]).toContain(exit);
  });

  it.each(rows)('%s says one and many of what it counts', (_, { message, hint }) => {
    const counts =
      /\{(?!name)\w+\} (bytes|facts|files|groups|images|jobs|pairs|participants|requests|rounds|sites|subjects|times|voxels)\b/;
    expect(`${message} ${hint}`).not.toMatch(counts);
  });

  it.each(rows)('%s speaks of no place that may not be there', (_, { message, hint }) => {
    expect(`${message} ${hint}`).not.toMatch(/\b(lines?|place) (shown|below|above)\b/);
  });

  it.each(rows)('%s shows commands as a shell takes them, whatever is filled in', (_, { message, hint }) => {
    const commands =
      `${message} ${hint}`.match(/'(neuroflare|npm) [^']*'|`(neuroflare|npm) [^`]*`|chmod .*/g) ?? [];
    expect(commands.filter((command) => /\{(?!topic)\w/.test(command))).toEqual([]);
  });

  it('shows no command of which a word is put in as it is', () => {
    const shown = sources.match(/neuroflare [a-z-]+ [^`\n]*\$\{(?!shellWord\()[^}]*\}/g) ?? [];
    expect(shown.filter((text) => !text.includes('preprocess phantom OUT'))).toEqual([]);
  });

  it('fills in every word it is given', () => {
    const error = flError('NF_PATH_MISSING', { what: 'Job', path: 'jobs/x' });
    expect(error.message).toBe('Job not found: jobs/x');
    expect(error.exitCode).toBe(4);
  });
});
