import { describe, expect, it } from 'vitest';
import { sizeText } from '../../../src/output/size-text.ts';
import { addressText, plainAddress } from '../../../src/runtime/kernel/address-text.ts';

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
