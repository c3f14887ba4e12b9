import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const files = globSync('{src,test,scripts,bench}/**/*.{ts,js,mjs}');

describe('the code', () => {
  it('packs no keys into an object that is spread at once, to have them on one line', () => {
    expect(files.length).toBeGreaterThan(1000);
    const packed = files.filter((file) => /^\s*\.\.\.\{/m.test(readFileSync(file, 'utf8')));
    expect(packed).toEqual([]);
  });
});
