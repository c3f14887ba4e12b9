import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const files = globSync('{src,test,scripts,bench}/**/*.{ts,js,mjs}');

describe('the code', () => {
  it('packs no keys into an object that is spread at once, to have them on one line', () => {
    expect(files.length).toBeGreaterThan(1000);
    const packed = files.filter((file) => /^\s*\.\.\.\{/m.test(readFileSync(file, 'utf8')));
    expect(packed).toEqual([]);
  });

  it('makes no folder where a module of test/support is loaded: files of tests that share a process share it', () => {
    const helpers = files.filter((file) => file.startsWith('test') && !file.endsWith('.test.ts'));
    expect(helpers.length).toBeGreaterThan(50);
    const made = helpers.filter((file) =>
      /^(?:export )?const \w+ = tempFolder\(/m.test(readFileSync(file, 'utf8')),
    );
    expect(made).toEqual([]);
  });
});
