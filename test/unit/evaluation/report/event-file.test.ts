import { describe, expect, it } from 'vitest';
import { crc32c } from '../../../../src/runtime/evaluation/report/tensorboard/crc32c.ts';
import { encodeEvents } from '../../../../src/runtime/evaluation/report/tensorboard/event-file.ts';

describe('CRC-32C', () => {
  it('is that of the test vectors (RFC 3720, B.4)', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, at) => at))).toBe(0x46dd794e);
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  });
});

describe('an event file', () => {
  const bytes = Buffer.from(encodeEvents([{ tag: 'loss', step: 300, value: 0.5 }], 1_700_000_000));

  it('is made of frames with their length and its masked checksum', () => {
    const frames: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = Number(bytes.readBigUInt64LE(at));
      const rotated =
        (crc32c(bytes.subarray(at, at + 8)) >>> 15) | (crc32c(bytes.subarray(at, at + 8)) << 17);
      expect(bytes.readUInt32LE(at + 8)).toBe((rotated + 0xa282ead8) >>> 0);
      frames.push(bytes.subarray(at + 12, at + 12 + length));
      at += 12 + length + 4;
    }
    expect(frames).toHaveLength(2);
    expect(frames[0]?.toString('latin1')).toContain('brain.Event:2');
    expect(frames[1]?.toString('latin1')).toContain('loss');
  });

  it('writes a step over 127 as a varint and the value as a float', () => {
    expect(bytes.includes(Buffer.from([0x10, 0xac, 0x02]))).toBe(true);
    expect(bytes.includes(Buffer.from([0x15, 0x00, 0x00, 0x00, 0x3f]))).toBe(true);
  });
});
