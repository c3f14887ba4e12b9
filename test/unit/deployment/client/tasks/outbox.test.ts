import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../../../src/runtime/base/digest.ts';
import {
  clientFolder,
  type SiteJobFolder,
} from '../../../../../src/runtime/deployment/client/memory/client-folder.ts';
import { FolderMemory } from '../../../../../src/runtime/deployment/client/memory/folder-memory.ts';
import { readJobList } from '../../../../../src/runtime/deployment/client/memory/job-list.ts';
import {
  clearOutbox,
  type Outbox,
  readOutbox,
  writeOutbox,
} from '../../../../../src/runtime/deployment/client/tasks/outbox.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
let folder: SiteJobFolder;
let count = 0;

beforeEach(() => {
  folder = clientFolder(join(root, String(count++))).job('job');
});

const model = sha256('model');
const result: Outbox = {
  round: 2,
  model_sha256: model,
  answer: {
    result: {
      round: 2,
      attempt: 1,
      encoding: 'safetensors',
      params_type: 'DIFF',
      num_examples: 7.5,
      metrics: { accuracy: 0.5, confusion: [[1, 2]], none: null },
      update: { sha256: sha256('update'), size: 6 },
      state_sha256: sha256('state'),
      seconds: 1.25,
    },
    file: '/work/update.safetensors',
  },
};
const failure: Outbox = {
  round: 2,
  model_sha256: model,
  answer: {
    failure: {
      round: 2,
      attempt: 3,
      error: {
        code: 'NF_SCRIPT_FAILED',
        message: 'm',
        hint: 'h',
        exitCode: 1,
        place: { site: 'site-1', line: 3 },
      },
    },
  },
};

describe('an answer that the server has not acknowledged', () => {
  it.each([
    ['a result', result],
    ['a failure', failure],
  ])('is there after a restart: %s', async (_, outbox) => {
    await writeOutbox(folder, outbox);
    expect(await readOutbox(folder)).toEqual({ value: outbox });
  });

  it('is the last one that was written, whole', async () => {
    await writeOutbox(folder, result);
    await writeOutbox(folder, failure);
    expect(await readOutbox(folder)).toEqual({ value: failure });
    expect(await readdir(folder.root)).toEqual(['outbox.json']);
  });

  it('is gone when it is acknowledged', async () => {
    await writeOutbox(folder, result);
    await clearOutbox(folder);
    await clearOutbox(folder);
    expect(await readOutbox(folder)).toEqual({ value: undefined });
  });

  it.each([
    ['nothing', ''],
    ['a part', '{"round": 2, "model_sha2'],
    ['another thing', '[]'],
    ['no answer', JSON.stringify({ ...result, answer: {} })],
    ['an answer without metrics', JSON.stringify({ ...result, answer: { result: { round: 2 } } })],
    ['a key of a stranger', JSON.stringify({ ...result, more: 1 })],
    ['the digest of nothing', JSON.stringify({ ...failure, model_sha256: 7 })],
  ])('is none as %s, which is said and kept: the task is done again', async (_, text) => {
    await mkdir(folder.root, { recursive: true });
    await writeFile(folder.outbox, text);
    expect(await readOutbox(folder)).toMatchObject({
      trouble: { code: 'NF_WORK_FILE', place: { file: folder.outbox } },
    });
    expect(await readFile(`${folder.outbox}.damaged`, 'utf8')).toBe(text);
    expect(await readOutbox(folder)).toEqual({ value: undefined });
  });
});

describe('the folder of a client', () => {
  const opened = async (client: ReturnType<typeof clientFolder>) => {
    const { memory, losses } = await FolderMemory.open(client);
    await memory.note();
    return { instance: memory.instance, codes: losses.map(({ code }) => code) };
  };

  it('has one identity, which stays', async () => {
    const client = clientFolder(join(root, String(count++)));
    const first = await opened(client);
    expect(first).toEqual({ instance: expect.stringMatching(/^[0-9a-f-]{36}$/), codes: [] });
    expect(await opened(client)).toEqual(first);
    const other = clientFolder(join(root, String(count++)));
    expect((await opened(other)).instance).not.toBe(first.instance);
  });

  it('of version 0.1.0 keeps its identity', async () => {
    const client = clientFolder(join(root, String(count++)));
    await mkdir(client.root, { recursive: true });
    const instance = 'cc13217e-20a0-4176-90de-362bedc5e41e';
    await writeFile(client.instance, JSON.stringify({ instance }));
    await writeFile(client.audit, '');
    expect(await opened(client)).toEqual({ instance, codes: [] });
  });

  it.each(['', '{', '{"instance":"me"}', 'null'])(
    'makes its identity anew from %j, and says so',
    async (text) => {
      const client = clientFolder(join(root, String(count++)));
      await mkdir(client.root, { recursive: true });
      await writeFile(client.instance, text);
      const { instance, codes } = await opened(client);
      expect(codes).toEqual(['NF_WORK_FILE']);
      expect(await opened(client)).toEqual({ instance, codes: [] });
      expect(await readFile(`${client.instance}.damaged`, 'utf8')).toBe(text);
    },
  );

  it('keeps models, states and work of a job inside it', () => {
    const job = clientFolder('/srv/work').job('id');
    const inside = [
      job.bundle,
      job.log,
      job.outbox,
      job.process,
      job.model(model),
      job.state(model),
      job.work,
    ];
    expect(inside.every((path) => path.startsWith('/srv/work/jobs/id/'))).toBe(true);
    expect(new Set(inside).size).toBe(inside.length);
  });

  it('has no jobs before a client has run', async () => {
    expect(await readJobList(clientFolder(join(root, 'nowhere')))).toBeUndefined();
  });
});
