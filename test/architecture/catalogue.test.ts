import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Config } from '@oclif/core';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { COLUMN } from '../../src/preprocess/bids/participants.ts';
import { ERROR_CATALOG } from '../../src/runtime/base/errors/catalog.ts';
import { flError } from '../../src/runtime/base/errors/errors.ts';
import { jobFileSchema } from '../../src/runtime/job/schema.ts';
import { modelSpecSchema } from '../../src/runtime/learning/models/spec.ts';
import { clientResourcesSchema, serverResourcesSchema } from '../../src/runtime/security/policy/resources.ts';
import { sitePolicySchema } from '../../src/runtime/security/policy/site-policy.ts';
import { projectSchema } from '../../src/runtime/security/project/schema.ts';

const root = join(import.meta.dirname, '../..');
const sources = globSync('src/**/*.ts', { cwd: root })
  .filter((path) => !path.includes('kernel/catalog'))
  .map((path) => readFileSync(join(root, path), 'utf8'))
  .join('\n');
const rows = Object.entries(ERROR_CATALOG);

const config = await Config.load({ root });
const FLAGS = new Set([
  ...['help', 'version'],
  ...config.commands.flatMap(({ flags }) => Object.keys(flags).flatMap((flag) => [flag, `no-${flag}`])),
]);
/** Of npm and Node.js. */
const OF_OTHERS = new Set(['--ignore-scripts', '--global', '--max-old-space-size']);

/** What of a command there is not: itself, or its flags. */
function unknownOf(shown: string): string[] {
  const [, ...words] = shown.split(/\s+/);
  if (words[0]?.startsWith('-')) return words[0] === '--version' ? [] : [shown];
  const ids = [3, 2, 1].map((count) => words.slice(0, count).join(':'));
  const command = ids.map((id) => config.findCommand(id)).find((found) => found !== undefined);
  if (!command) return words.some((word) => word.includes('{')) ? [] : [shown];
  const flags = words
    .filter((word) => word.startsWith('--'))
    .map((word) => word.slice(2).split('=')[0] ?? '');
  return flags.filter((flag) => !Object.hasOwn(command.flags, flag)).map((flag) => `${shown}: --${flag}`);
}

/** Dotted names of all properties of a JSON schema, the folders between them too. */
function keysOf(node: unknown, path = ''): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([name, value]) => {
    if (name !== 'properties') return keysOf(value, path);
    return Object.entries(value as object).flatMap(([key, inner]) => {
      const here = path === '' ? key : `${path}.${key}`;
      return [here, ...keysOf(inner, here)];
    });
  });
}

const JOB_KEYS = new Set([
  ...keysOf(z.toJSONSchema(jobFileSchema, { io: 'input' })),
  ...keysOf(z.toJSONSchema(modelSpecSchema, { io: 'input' }), 'model'),
]);
const lastOf = (keys: Iterable<string>) => [...keys].map((key) => key.split('.').at(-1) ?? '');
/** Words with an underscore that a hint may use: keys of files, columns of tables, fields of NIfTI and BIDS. */
const WORDS = new Set([
  ...lastOf(JOB_KEYS),
  ...[sitePolicySchema, serverResourcesSchema, clientResourcesSchema, projectSchema]
    .flatMap((schema) => keysOf(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })))
    .map((key) => key.split('.').at(-1) ?? ''),
  ...Object.values(COLUMN),
  ...['scl_slope', 'scl_inter', 'xyzt_units'],
]);

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

  it.each(rows)('%s names commands and flags that there are', (_, { message, hint }) => {
    const text = `${message} ${hint}`;
    const shown = text.match(/'neuroflare [a-z-][^']*'|`neuroflare [a-z-][^`]*`/g) ?? [];
    expect(shown.map((quoted) => quoted.slice(1, -1)).flatMap(unknownOf)).toEqual([]);
    const flags = (text.match(/(?<!\S)--[a-z][a-z-]+/g) ?? []).filter((flag) => !FLAGS.has(flag.slice(2)));
    expect(flags.filter((flag) => !OF_OTHERS.has(flag))).toEqual([]);
  });

  it.each(rows)('%s names keys that there are', (_, { message, hint }) => {
    const text = `${message} ${hint}`;
    const dotted = text.match(/\b(?:workflow|executor|model|data|sites)(?:\.[a-z_]+)+\b/g) ?? [];
    // Of the function `model.compile()` of a script.
    const paths = dotted.filter((path) => !/\.(json|yaml|safetensors|onnx|compile)$/.test(path));
    expect(paths.filter((path) => !JOB_KEYS.has(path))).toEqual([]);
    const words = text.match(/(?<![\w{/.<])[a-z]+(?:_[a-z]+)+(?![\w}]|\.[a-z])/g) ?? [];
    expect(words.filter((word) => !WORDS.has(word))).toEqual([]);
  });

  it.each(rows)('%s advises no kind of workflow that is refused', (_, { message, hint }) => {
    const named = `${message} ${hint}`.match(/\bFed[A-Z]\w+/g) ?? [];
    const isThere = (name: string) => name === 'FedAvg' || name === 'FedJob' || /\bproximalMu\b/.test(hint);
    expect(named.filter((name) => !isThere(name))).toEqual([]);
  });

  it('shows no command of the sources that there is not', () => {
    const shown =
      sources.match(/(?<=')neuroflare [a-z-]+ [^'\n$]*(?=')|(?<=`)neuroflare [a-z-]+ [^`\n$]*/g) ?? [];
    expect(shown.length).toBeGreaterThan(20);
    expect(shown.flatMap(unknownOf)).toEqual([]);
  });

  it('fills in every word it is given', () => {
    const error = flError('NF_PATH_MISSING', { what: 'Job', path: 'jobs/x' });
    expect(error.message).toBe('Job not found: jobs/x');
    expect(error.exitCode).toBe(4);
  });
});
