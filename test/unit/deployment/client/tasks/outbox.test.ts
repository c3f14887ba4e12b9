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
import { inputsDigest } from '../../../../../src/runtime/deployment/client/tasks/site-task.ts';
import type { AssignedTask } from '../../../../../src/runtime/network/messages/site.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
let folder: SiteJobFolder;
let count = 0;

beforeEach(() => {
  folder = clientFolder(join(root, String(count++))).job('job');
});

const model = sha256('model');
const TASK: AssignedTask = {
  id: 'train/2/site-1',
  total_rounds: 3,
  seed: 1,
  inputs: { model: { sha256: model, size: 1 } },
};
const begun = { version: 2, inputs_sha256: inputsDigest(TASK.inputs), model_sha256: model } as const;
const result: Outbox = {
  ...begun,
  answer: {
    result: {
      task: TASK.id,
      attempt: 1,
      encoding: 'safetensors',
      params_type: 'DIFF',
      num_examples: 7.5,
      metrics: { accuracy: 0.5, confusion: [[1, 2]], none: null },
      files: { model: { sha256: sha256('update'), size: 6 } },
      state_sha256: sha256('state'),
      seconds: 1.25,
    },
    files: { model: '/work/update.safetensors' },
  },
};
const failure: Outbox = {
  ...begun,
  answer: {
    failure: {
      task: TASK.id,
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
    expect(await readOutbox(folder, TASK)).toEqual({ value: outbox });
  });

  it.each([
    ['a result', result],
    ['a failure', failure],
  ])('of version 0.1.0 is read as the answer to the task: %s', async (_, { answer, ...outbox }) => {
    const { version: _1, inputs_sha256: _2, ...first } = outbox;
    const { task: _3, ...told } = 'result' in answer ? answer.result : answer.failure;
    const { files: _4, ...figures } = told as { files?: object };
    const old =
      'result' in answer
        ? { result: { round: 2, ...figures, update: answer.result.files.model }, file: answer.files.model }
        : { failure: { round: 2, ...told } };
    await mkdir(folder.root, { recursive: true });
    await writeFile(folder.outbox, JSON.stringify({ ...first, round: 2, answer: old }));
    expect(await readOutbox(folder, TASK)).toEqual({ value: { ...outbox, answer } });
    const other = { ...TASK, inputs: { model: { sha256: sha256('other'), size: 1 } } };
    expect((await readOutbox(folder, other)).value?.inputs_sha256).not.toBe(inputsDigest(other.inputs));
  });

  it('is the last one that was written, whole', async () => {
    await writeOutbox(folder, result);
    await writeOutbox(folder, failure);
    expect(await readOutbox(folder, TASK)).toEqual({ value: failure });
    expect(await readdir(folder.root)).toEqual(['outbox.json']);
  });

  it('is gone when it is acknowledged', async () => {
    await writeOutbox(folder, result);
    await clearOutbox(folder);
    await clearOutbox(folder);
    expect(await readOutbox(folder, TASK)).toEqual({ value: undefined });
  });

  it.each([
    ['nothing', ''],
    ['a part', '{"round": 2, "model_sha2'],
    ['another thing', '[]'],
    ['no answer', JSON.stringify({ ...result, answer: {} })],
    [
      'an answer without metrics',
      JSON.stringify({ ...result, answer: { result: { task: 'train/2/site-1' } } }),
    ],
    ['a key of a stranger', JSON.stringify({ ...result, more: 1 })],
    ['the digest of nothing', JSON.stringify({ ...failure, model_sha256: 7 })],
  ])('is none as %s, which is said and kept: the task is done again', async (_, text) => {
    await mkdir(folder.root, { recursive: true });
    await writeFile(folder.outbox, text);
    expect(await readOutbox(folder, TASK)).toMatchObject({
      trouble: { code: 'NF_WORK_FILE', place: { file: folder.outbox } },
    });
    expect(await readFile(`${folder.outbox}.damaged`, 'utf8')).toBe(text);
    expect(await readOutbox(folder, TASK)).toEqual({ value: undefined });
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
