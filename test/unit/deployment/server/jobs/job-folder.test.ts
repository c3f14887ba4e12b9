import { appendFile, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../../../src/runtime/base/digest.ts';
import { LOG_LIMITS } from '../../../../../src/runtime/base/limits.ts';
import {
  blobFile,
  HeldBlobs,
  jobFiles,
} from '../../../../../src/runtime/deployment/server/jobs/job-files.ts';
import { resultFile, resultFiles } from '../../../../../src/runtime/deployment/server/jobs/result-files.ts';
import {
  type LogLine,
  SiteLogs,
  siteLogBackwards,
  sitesWithLogs,
} from '../../../../../src/runtime/deployment/server/jobs/site-logs.ts';
import { type JobFolder, stateFolder } from '../../../../../src/runtime/deployment/server/state-folder.ts';
import type { FileRef } from '../../../../../src/runtime/run/events.ts';
import { newHistory } from '../../../../../src/runtime/run/history.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
let folder: JobFolder;
let logs: SiteLogs;
let count = 0;

beforeEach(() => {
  folder = stateFolder(root).job(String(count++));
  logs = new SiteLogs(folder);
});

async function put(path: string, text = path): Promise<void> {
  await mkdir(dirname(folder.at(path)), { recursive: true });
  await writeFile(folder.at(path), text);
}

const line = (text: string, time = '2026-01-01T00:00:00.000Z'): Omit<LogLine, 'siteTime'> => ({
  time,
  level: 'info',
  text,
});
/** All lines, oldest first. */
async function readSiteLog(of: JobFolder, site: string): Promise<LogLine[]> {
  const pieces: LogLine[][] = [];
  for await (const { lines } of siteLogBackwards(of, site)) pieces.unshift(lines);
  return pieces.flat();
}
const textsOf = async (site: string) => (await readSiteLog(folder, site)).map(({ text }) => text);

/** A job of before results were noted. */
const ENDED = { id: 'job', bundleSha256: sha256('bundle'), outcome: undefined };

describe('the result files of a job', () => {
  it('are those a user wants, in order, with size and digest', async () => {
    for (const path of [
      'model.safetensors',
      'bundle/client/train.ts',
      'bundle/job.yaml',
      'sites/site-1/log.jsonl',
    ])
      await put(path);
    expect((await resultFiles(folder, ENDED)).files).toEqual(
      ['bundle/client/train.ts', 'bundle/job.yaml', 'model.safetensors', 'sites/site-1/log.jsonl'].map(
        (path) => ({
          path,
          size: path.length,
          sha256: sha256(path),
        }),
      ),
    );
  });

  it.each([
    'bundle.json',
    `blobs/${'a'.repeat(64)}`,
    'uploads/site-1/x.part',
    'metrics.json.123-0a1b2c3d.tmp',
    'bundle/job.yaml.123-0a1b2c3d.tmp',
  ])('are not the work files of the server: %s', async (path) => {
    await put(path);
    await put('model.safetensors');
    expect((await resultFiles(folder, ENDED)).files.map((file) => file.path)).toEqual(['model.safetensors']);
    await expect(resultFile(folder, path, ENDED)).rejects.toMatchObject({ code: 'NF_FILE_UNKNOWN' });
  });

  it.each(['bundle/notes.tmp', 'bundle/bundle.json', 'bundle/blobs/x', 'sites/uploads/x', 'blobs.txt'])(
    'are files of the job whose names only look so: %s',
    async (path) => {
      await put(path);
      expect((await resultFiles(folder, ENDED)).files.map((file) => file.path)).toEqual([path]);
      expect(await resultFile(folder, path, ENDED)).toBe(folder.at(path));
    },
  );

  it.each([
    ['missing', async () => undefined],
    ['cut', () => put('model.safetensors', 'mod')],
  ])('that were written and are %s are told to whoever asks for them', async (_, damage) => {
    await damage();
    const files = [{ path: 'model.safetensors', size: 17, sha256: sha256('model.safetensors') }];
    const ended = { ...ENDED, outcome: { round: 1, best: null, firstFailure: null, files } };
    await expect(resultFile(folder, 'model.safetensors', ended)).rejects.toMatchObject({
      code: 'NF_RESULT_DAMAGED',
    });
    expect(await resultFiles(folder, ended)).toMatchObject({
      files: [],
      damaged: [{ path: 'model.safetensors' }, { path: 'bundle' }],
    });
    await put('model.safetensors');
    expect(await resultFile(folder, 'model.safetensors', ended)).toBe(folder.at('model.safetensors'));
  });

  it('are none where there is no folder', async () => {
    expect(await resultFiles(folder, ENDED)).toEqual({ files: [], damaged: [] });
  });

  it.each([
    '../other/model.safetensors',
    '/etc/passwd',
    'model.safetensors/',
    './model.safetensors',
    'bundle/../model.safetensors',
    'bundle\\job.yaml',
    'bundle',
    'Model.safetensors',
    '',
  ])('lead nowhere by another name: %j', async (path) => {
    await put('model.safetensors');
    await put('bundle/job.yaml');
    await expect(resultFile(folder, path, ENDED)).rejects.toMatchObject({
      code: 'NF_FILE_UNKNOWN',
      exitCode: 4,
    });
  });

  it('do not follow links', async () => {
    await put('model.safetensors');
    await symlink('/etc/hostname', folder.at('link'));
    expect((await resultFiles(folder, ENDED)).files.map((file) => file.path)).toEqual(['model.safetensors']);
  });
});

describe('the lines of a site', () => {
  it('are read as they were appended', async () => {
    await logs.append('site-1', [line('a'), line('b\u2028"\n')]);
    await logs.append('site-1', [line('c')]);
    await logs.append('site-1', []);
    expect(await textsOf('site-1')).toEqual(['a', 'b\u2028"\n', 'c']);
  });

  it('have the time at which they came, whatever time the site gives', async () => {
    const before = new Date().toISOString();
    await logs.append('site-1', [line('a', '9999-12-31T23:59:59.999Z'), line('b')]);
    const lines = await readSiteLog(folder, 'site-1');
    expect(lines.map(({ siteTime }) => siteTime)).toEqual(['9999-12-31T23:59:59.999Z', line('b').time]);
    for (const { time } of lines) {
      expect(time >= before).toBe(true);
      expect(time <= new Date().toISOString()).toBe(true);
    }
  });

  it('that were kept before their coming was noted, came before the file was last written', async () => {
    await put(
      'sites/site-1/log.jsonl',
      `${JSON.stringify(line('a', '9999-12-31T23:59:59.999Z'))}\n${JSON.stringify(line('b'))}\n`,
    );
    const [first, second] = await readSiteLog(folder, 'site-1');
    expect(first?.time.slice(0, 4)).not.toBe('9999');
    expect(second?.time).toBe(line('b').time);
  });

  it('leave out what is none', async () => {
    const wrong = ['null', '{"time":"soon","level":"info","text":"x"}', '{"time":1}', '[]'];
    await put('sites/site-1/log.jsonl', `${wrong.join('\n')}\n${JSON.stringify(line('a'))}\n`);
    expect(await textsOf('site-1')).toEqual(['a']);
  });

  it('are of this site alone', async () => {
    await logs.append('site-1', [line('a')]);
    await logs.append('site-10', [line('b')]);
    await put('sites/site-2/other.txt');
    expect((await sitesWithLogs(folder)).sort()).toEqual(['site-1', 'site-10']);
    expect(await readSiteLog(folder, 'site-2')).toEqual([]);
    expect(await sitesWithLogs(stateFolder(root).job('nowhere'))).toEqual([]);
  });

  it('leave out one that a crash cut short', async () => {
    await logs.append('site-1', [line('a')]);
    await appendFile(folder.at('sites/site-1/log.jsonl'), '{"time":"2026');
    expect(await textsOf('site-1')).toEqual(['a']);
  });

  it('are read from the end, whatever their bytes and wherever a piece of the file begins', async () => {
    const texts = Array.from({ length: 3000 }, (_, index) => `${index} ${'ü€😀'.repeat(index % 23)}`);
    for (let at = 0; at < texts.length; at += 500)
      await logs.append(
        'site-1',
        texts.slice(at, at + 500).map((text) => line(text)),
      );
    expect(await textsOf('site-1')).toEqual(texts);
    // One piece is read for what is in it, not the file.
    for await (const { lines, bytes } of siteLogBackwards(folder, 'site-1')) {
      expect(lines.at(-1)?.text).toBe(texts.at(-1));
      expect(bytes).toBeLessThan((await readFile(folder.at('sites/site-1/log.jsonl'))).length / 4);
      break;
    }
  });

  it('are no more bytes than the limit, though many come at once, and the last line says so', async () => {
    const big = Array.from({ length: 195 }, () => line('x'.repeat(10_000)));
    await Promise.all(Array.from({ length: 30 }, () => logs.append('site-1', big)));
    const { most } = LOG_LIMITS.site_bytes;
    const size = (await readFile(folder.at('sites/site-1/log.jsonl'))).length;
    expect(size).toBeLessThanOrEqual(most);
    expect(size).toBeGreaterThan(most - 20_000);
    await logs.append('site-1', [line('too much')]);
    // Another one, as after a restart, knows what is there.
    await new SiteLogs(folder).append('site-1', [line('too much')]);
    expect((await textsOf('site-1')).at(-1)).toContain('no further lines of this site are kept');
  });

  it('are no more lines than the limit, however short', async () => {
    const short = Array.from({ length: 1000 }, () => line(''));
    await Promise.all(Array.from({ length: 110 }, () => logs.append('site-1', short)));
    await new SiteLogs(folder).append('site-1', [line('too much')]);
    const lines = await readSiteLog(folder, 'site-1');
    expect(lines.length).toBe(LOG_LIMITS.site_lines.most);
    expect(lines.at(-1)?.level).toBe('warn');
  });
});

describe('the files of a networked job', () => {
  const goal = { keyMetric: 'accuracy', keyMetricGoal: 'maximize', clientsPerRound: undefined } as const;
  const models = async (live: readonly FileRef[] = []) => {
    const files = jobFiles(folder, () => ({
      ...newHistory({ ...goal, maxWeightRatio: 100 }),
      initial: live[0],
    }));
    const keep = (text: string) =>
      files.keepModel(1, async (target) => {
        await writeFile(target, text);
        return sha256(text);
      });
    return { files, keep };
  };
  const blobs = async () => (await readdir(folder.blobs.root).catch(() => [])).sort();

  it('are named by what they hold', async () => {
    const { files, keep } = await models();
    const model = await keep('model');
    expect(model).toEqual(blobFile(sha256('model')));
    expect(await readFile(files.at(model), 'utf8')).toBe('model');
    expect(await keep('model')).toEqual(model);
    expect(await blobs()).toEqual([sha256('model')]);
  });

  it('leave nothing that has a name of a model whose writing failed', async () => {
    const { files } = await models();
    const failed = files.keepModel(1, async (target) => {
      await writeFile(target, 'half');
      throw new Error('no space');
    });
    await expect(failed).rejects.toThrow('no space');
    expect((await blobs()).filter((name) => /^[0-9a-f]{64}$/.test(name))).toEqual([]);
  });

  it('go when nobody needs them; what a site keeps is not the server’s', async () => {
    const { files, keep } = await models();
    const [a, b] = [await keep('a'), await keep('b')];
    await put('state/s', 'state');
    await files.discard([a, { path: 'state/s', sha256: sha256('state') }]);
    expect(await blobs()).toEqual([b.sha256]);
    expect(await readdir(folder.at('state'))).toEqual(['s']);
  });

  it('stay while they are being looked at', async () => {
    const held = new HeldBlobs();
    const files = jobFiles(folder, () => newHistory({ ...goal, maxWeightRatio: 100 }), held);
    const write = async (target: string) => {
      await writeFile(target, 'update');
      return sha256('update');
    };
    const update = await files.keepModel(1, write);
    const looked = Promise.withResolvers<void>();
    const looking = held.during([update.sha256], () => looked.promise);
    await files.discard([update]);
    await files.closeRound(1, []);
    expect(await blobs()).toEqual([update.sha256]);
    looked.resolve();
    await looking;
    await files.closeRound(1, []);
    expect(await blobs()).toEqual([]);
  });

  it('are, when a round closes, those that live; half uploads of its members go', async () => {
    const live: FileRef[] = [];
    const { files, keep } = await models(live);
    live.push(await keep('live'));
    await keep('late update');
    await put('uploads/site-1/x.part');
    await put('uploads/site-2/x.part');
    await files.closeRound(1, ['site-1', 'site-9']);
    expect(await blobs()).toEqual([sha256('live')]);
    expect(await readdir(folder.at('uploads'))).toEqual(['site-2']);
    await rm(folder.root, { recursive: true });
    await files.closeRound(2, ['site-1']);
  });
});

describe('the state of a server', () => {
  it('keeps the uploads of each user apart, whatever they are called', () => {
    const state = stateFolder('/srv');
    expect(state.userUploads('ann@example.org')).toBe(join('/srv/uploads/ann%40example.org'));
    for (const name of ['../x', 'a/b', '..\\x', 'a\u0000'])
      expect(dirname(state.userUploads(name))).toBe('/srv/uploads');
  });
});
