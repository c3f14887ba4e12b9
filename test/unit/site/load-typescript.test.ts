import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadTypeScript, useStripped } from '../../../src/runtime/site/script/load-typescript.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();

function sourceOf(name: string, text: string): unknown {
  const path = join(root, name);
  writeFileSync(path, text);
  const context = { format: 'module-typescript', conditions: [], importAttributes: {} };
  return loadTypeScript(`${pathToFileURL(path).href}?task=1`, context, () => {
    throw new Error('It is for us.');
  }).source;
}

describe('a file of TypeScript in a thread that runs scripts', () => {
  it('is what the one who parsed it before says, and is not parsed again', () => {
    useStripped(new Map([['let a: number;', 'let a /* parsed before */;']]));
    expect(sourceOf('known.ts', 'let a: number;')).toBe('let a /* parsed before */;');
  });

  it('that has changed since then is parsed', () => {
    useStripped(new Map([['let a: number;', 'let a;']]));
    expect(sourceOf('changed.ts', 'let b: string;')).toMatch(/^let b {8};$/);
  });

  it('is not looked at where it is JavaScript', () => {
    const next = { format: 'module', source: 'let c;' };
    expect(
      loadTypeScript('file:///c.js', { format: 'module', conditions: [], importAttributes: {} }, () => next),
    ).toBe(next);
  });
});
