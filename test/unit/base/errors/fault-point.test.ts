import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const MODULE = new URL('../../../../src/runtime/base/errors/fault-point.ts', import.meta.url).href;
const SCRIPT = `import { writeSync } from 'node:fs';
const { faultPoint } = await import(${JSON.stringify(MODULE)});
for (const name of ['a', 'b', 'a', 'a']) { faultPoint(name); writeSync(1, name); }`;

/** What a process passes of the points a, b, a, a, and the signal that ended it. */
function pass(fault: string | undefined) {
  const { NEUROFLARE_FAULT: _, ...env } = process.env;
  const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', SCRIPT], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    encoding: 'utf8',
    env: { ...env, ...(fault !== undefined && { NEUROFLARE_FAULT: fault }) },
  });
  return [stdout, signal];
}

describe('a fault point', () => {
  it.each([
    [undefined, 'abaa', null],
    ['', 'abaa', null],
    ['c', 'abaa', null],
    ['a', '', 'SIGKILL'],
    ['b', 'a', 'SIGKILL'],
    ['a@2', 'ab', 'SIGKILL'],
    ['a@3', 'aba', 'SIGKILL'],
    ['a@4', 'abaa', null],
    ['a@x', 'abaa', null],
    ['@1', 'abaa', null],
  ])('named %j lets %j pass and ends with %s', (fault, passed, signal) => {
    expect(pass(fault)).toEqual([passed, signal]);
  });
});
