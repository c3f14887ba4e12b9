import { describe, expect, it, vi } from 'vitest';
import { barLine } from '../../../src/output/bar-line.ts';
import { createProgressView } from '../../../src/output/progress-view.ts';
import { sizeText } from '../../../src/output/size-text.ts';
import { addressText, plainAddress } from '../../../src/runtime/base/text/address-text.ts';

describe('a size', () => {
  it.each([
    [0, '0 bytes'],
    [1, '1 byte'],
    [677, '677 bytes'],
    [3944, '3.9 kB'],
    [999_949, '999.9 kB'],
    [999_950, '1.0 MB'],
    [764_000_000, '764.0 MB'],
    [2.5e9, '2.5 GB'],
    [3e15, '3000.0 TB'],
  ])('%d is %s', (bytes, text) => expect(sizeText(bytes)).toBe(text));
});

describe('progress in bytes', () => {
  it('is shown in units, in lines and beside a bar', () => {
    const lines: string[] = [];
    const written = vi
      .spyOn(process.stderr, 'write')
      .mockImplementation((text) => lines.push(String(text)) > 0);
    const { step } = createProgressView({ quiet: false });
    for (const done of [677, 3944]) step({ what: 'downloaded', done, total: 3944, unit: 'bytes' });
    written.mockRestore();
    expect(lines).toEqual(['downloaded: 677 bytes of 3.9 kB\n', 'downloaded: 3.9 kB of 3.9 kB\n']);
    const bar = barLine({ label: 'downloaded', value: 76_400_000, total: 764_000_000, unit: 'bytes' }, 120);
    expect(bar).toMatch(/\] 76\.4 MB of 764\.0 MB$/);
  });
});

describe('an address', () => {
  it.each([
    ['::', '[::]'],
    ['::1', '[::1]'],
    ['0.0.0.0', '0.0.0.0'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['::FFFF:10.0.0.7', '10.0.0.7'],
    ['hub.example.org', 'hub.example.org'],
  ])('%s is written %s before a port', (host, text) => expect(addressText(host)).toBe(text));

  it('has no brackets by itself', () => {
    expect(['::ffff:127.0.0.1', '::1'].map(plainAddress)).toEqual(['127.0.0.1', '::1']);
  });
});
