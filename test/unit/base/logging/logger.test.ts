import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type LogTarget, openLog } from '../../../../src/runtime/base/logging/logger.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
let folder = '';
let count = 0;
const opened: { close(): Promise<void> }[] = [];

beforeEach(() => {
  folder = join(root, String(count++));
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((log) => log.close()));
});

const open = (over: Partial<LogTarget> = {}) => {
  const log = openLog({
    path: join(folder, 'log.jsonl'),
    level: 'info',
    maxMegabytes: 1,
    keptFiles: 3,
    ...over,
  });
  opened.push(log);
  return log;
};
/** All lines of a log that is closed first. */
async function linesOf(log: ReturnType<typeof open>): Promise<Record<string, unknown>[]> {
  await log.close();
  opened.splice(opened.indexOf(log), 1);
  const text = await readFile(join(folder, 'log.jsonl'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('a log', () => {
  it('has lines of JSON with time, level and words', async () => {
    const log = open();
    log.info({ job: 'id' }, 'job status');
    log.error('it broke');
    expect(await linesOf(log)).toEqual([
      { level: 30, time: expect.stringMatching(/^\d{4}-.*Z$/), job: 'id', msg: 'job status' },
      { level: 50, time: expect.any(String), msg: 'it broke' },
    ]);
  });

  it('makes its folder, and goes on in a file that is there', async () => {
    const before = open();
    before.info('before');
    await linesOf(before);
    const after = open();
    after.info('after');
    expect((await linesOf(after)).map(({ msg }) => msg)).toEqual(['before', 'after']);
  });

  it.each([
    ['debug', ['d', 'i', 'w', 'e']],
    ['info', ['i', 'w', 'e']],
    ['warn', ['w', 'e']],
    ['error', ['e']],
  ] as const)('at level %s has %j', async (level, expected) => {
    const log = open({ level });
    log.debug('d');
    log.info('i');
    log.warn('w');
    log.error('e');
    expect((await linesOf(log)).map(({ msg }) => msg)).toEqual(expected);
  });

  it('changes its level while it is written', async () => {
    const log = open();
    log.debug('not yet');
    log.level = 'debug';
    log.debug('now');
    expect((await linesOf(log)).map(({ msg }) => msg)).toEqual(['now']);
  });

  it('has no secrets, whatever object they come with', async () => {
    const log = open();
    const secret = 'PRIVATE';
    log.info({ key: secret, pem: secret, signature: secret, authorization: secret }, 'own');
    log.info(
      { tls: { key: secret, pem: secret }, request: { authorization: secret }, job: { signature: secret } },
      'nested',
    );
    log.child({ kit: { key: secret } }).info('child');
    const lines = await linesOf(log);
    expect(JSON.stringify(lines)).not.toContain(secret);
    expect(lines[0]).toMatchObject({ key: '[secret]', pem: '[secret]' });
    expect(lines[1]).toMatchObject({ tls: { key: '[secret]' } });
  });

  it('begins a new file at its size, and keeps as many as it should', async () => {
    const log = open({ keptFiles: 2 });
    const text = 'x'.repeat(10_000);
    for (let line = 0; line < 500; line++) {
      log.info({ line, text });
      if (line % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const lines = await linesOf(log);
    expect(lines.at(-1)?.line).toBe(499);
    expect(lines.map(({ line }) => line)).toEqual(lines.map((_, index) => Number(lines[0]?.line) + index));
    const names = (await readdir(folder)).filter((name) => !name.endsWith('.txt'));
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
    expect(names.length).toBeGreaterThan(1);
    expect(names.length).toBeLessThanOrEqual(3);
    expect(Math.max(...sizes)).toBeLessThan(2_000_000);
    for (const name of names) {
      const whole = (await readFile(join(folder, name), 'utf8')).split('\n').slice(0, -1);
      expect(() => whole.map((line) => JSON.parse(line))).not.toThrow();
    }
  });

  it('that cannot be written is said to be so, once, and does not end the process', async () => {
    await mkdir(join(folder, 'log.jsonl'), { recursive: true });
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      const log = open();
      for (let line = 0; line < 20; line++) {
        log.info('lost');
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await log.close();
      expect(said).toHaveBeenCalledTimes(1);
      expect(said.mock.calls[0]?.[0]).toContain(`The log ${join(folder, 'log.jsonl')} cannot be written: `);
    } finally {
      said.mockRestore();
    }
  });

  it('goes on after a while when it can be written again', async () => {
    await mkdir(join(folder, 'log.jsonl'), { recursive: true });
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const clock = vi.spyOn(performance, 'now');
    try {
      const log = open();
      log.info('lost');
      await expect.poll(() => said.mock.calls.length).toBe(1);
      await rm(join(folder, 'log.jsonl'), { recursive: true });
      log.info('too soon');
      clock.mockReturnValue(performance.now() + 5001);
      log.info('there');
      expect((await linesOf(log)).map(({ msg }) => msg)).toEqual(['there']);
    } finally {
      said.mockRestore();
      clock.mockRestore();
    }
  });

  it('does not end the process when its folder goes away', async () => {
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      const log = open();
      log.info('here');
      await expect.poll(() => readdir(folder)).toContain('log.jsonl');
      await rm(folder, { recursive: true });
      const text = 'x'.repeat(10_000);
      for (let line = 0; line < 200; line++) log.info({ line, text });
      await expect.poll(() => said.mock.calls.length).toBe(1);
      await log.close();
    } finally {
      said.mockRestore();
    }
  });
});
