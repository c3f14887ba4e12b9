import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const rows = readFileSync(join(root, 'docs/security.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (attack|---)/.test(line))
  .map((line) => line.split(' |').map((cell) => cell.replace(/^\|? ?/, '')));

/** Each path with the titles of tests in it that are named behind it. */
const NAMED = /`(test\/[^`]+)`(?: \(([^)]+)\))?/g;

it.each(rows)('what "%s" names of a test stands in it', (_, _answer, tests = '') => {
  const missing = [...tests.matchAll(NAMED)].flatMap(([, path = '', titles]) => {
    const text = readFileSync(join(root, path), 'utf8').replace(/\s+/g, ' ');
    if (titles === undefined || text.includes(titles)) return [];
    return titles.split(/[,;] /).filter((title) => !text.includes(title));
  });
  expect(missing).toEqual([]);
});

it.each(rows)('the answer to "%s" is open or held by a test that exists', (_, answer = '', tests = '') => {
  const named = [...tests.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path);
  expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  if (named.length === 0) expect(answer).toMatch(/\*open\*/i);
});
