import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../../src/runtime/base/digest.ts';
import type { NeuroflareError } from '../../../../src/runtime/base/errors/errors.ts';
import {
  clientFolder,
  type SiteJobFolder,
} from '../../../../src/runtime/deployment/client/memory/client-folder.ts';
import { KeptModel } from '../../../../src/runtime/deployment/client/memory/kept-model.ts';
import { beginAttempt, endAttempts } from '../../../../src/runtime/deployment/client/tasks/attempts.ts';
import { type Outbox, writeOutbox } from '../../../../src/runtime/deployment/client/tasks/outbox.ts';
import { finishedAnswer } from '../../../../src/runtime/deployment/client/tasks/send-answer.ts';
import { inputsDigest } from '../../../../src/runtime/deployment/client/tasks/site-task.ts';
import type { AssignedTask } from '../../../../src/runtime/network/messages/site.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
const UPDATE = 'the bytes of an update';
const task: AssignedTask = {
  id: 'train/2/site-1',
  seed: 1,
  total_rounds: 3,
  inputs: { model: { sha256: sha256('model'), size: 5 } },
};
let folder: SiteJobFolder;
let count = 0;
let told: string[] = [];
const tell = ({ code, place }: NeuroflareError) => told.push(`${code} ${place?.file}`);

beforeEach(async () => {
  folder = clientFolder(join(root, String(count++))).job('job');
  await mkdir(folder.models, { recursive: true });
  told = [];
});

const DAMAGES: readonly [string, (path: string) => Promise<unknown>][] = [
  ['empty', (path) => truncate(path, 0)],
  ['half', async (path) => truncate(path, Math.floor((await readFile(path)).length / 2))],
  ['other JSON', (path) => writeFile(path, '[1]')],
  ['wrong types', (path) => writeFile(path, '{"round": "2", "task": 1, "begun": "x"}')],
];

/** An answer that waits in the outbox, with its update. */
async function answer(): Promise<Outbox> {
  await writeFile(folder.answer('model'), UPDATE);
  const result = {
    task: task.id,
    attempt: 1,
    encoding: 'safetensors',
    params_type: 'FULL',
    num_examples: 1,
    metrics: {},
    seconds: 1,
    files: { model: { sha256: sha256(UPDATE), size: UPDATE.length } },
  } as const;
  const outbox: Outbox = {
    version: 2,
    inputs_sha256: inputsDigest(task.inputs),
    model_sha256: sha256('model'),
    answer: { result, files: { model: folder.answer('model') } },
  };
  await writeOutbox(folder, outbox);
  return outbox;
}

describe('an answer that the server has not acknowledged', () => {
  it('is sent after a restart, and none is missed where there was none', async () => {
    expect(await finishedAnswer(folder, task, tell)).toBeUndefined();
    const outbox = await answer();
    expect(await finishedAnswer(folder, task, tell)).toEqual(outbox);
    expect(await finishedAnswer(folder, { ...task, id: 'train/3/site-1' }, tell)).toBeUndefined();
    expect(told).toEqual([]);
  });

  it.each(DAMAGES)('is not used when its record is damaged (%s), which is told', async (_, damage) => {
    await answer();
    await damage(folder.outbox);
    expect(await finishedAnswer(folder, task, tell)).toBeUndefined();
    expect(told).toEqual([`NF_WORK_FILE ${folder.outbox}`]);
    expect(await finishedAnswer(folder, task, tell)).toBeUndefined();
    expect(told).toHaveLength(1);
  });

  it.each([...DAMAGES, ['removed', (path: string) => rm(path)] as const])(
    'is not used when its update is damaged (%s), which is told',
    async (_, damage) => {
      await answer();
      await damage(folder.answer('model'));
      expect(await finishedAnswer(folder, task, tell)).toBeUndefined();
      expect(told).toEqual([`NF_WORK_FILE ${folder.answer('model')}`]);
    },
  );
});

describe('the count of how often a task was begun', () => {
  it('is that of the task, and begins anew with another', async () => {
    expect(await beginAttempt(folder, 'a', tell)).toBe(1);
    expect(await beginAttempt(folder, 'a', tell)).toBe(2);
    expect(await beginAttempt(folder, 'b', tell)).toBe(1);
    await endAttempts(folder);
    expect(await beginAttempt(folder, 'b', tell)).toBe(1);
    expect(told).toEqual([]);
    expect((await readdir(folder.root)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it.each(DAMAGES)('does not begin at nothing when it is damaged (%s), which is told', async (_, damage) => {
    await beginAttempt(folder, 'a', tell);
    await damage(folder.attempts);
    expect(await beginAttempt(folder, 'a', tell)).toBe(2);
    expect(told).toEqual([`NF_WORK_FILE ${folder.attempts}`]);
  });
});

describe('a model that was fetched by an earlier client', () => {
  const digest = sha256('model');

  it('is used when it is whole', async () => {
    expect(await new KeptModel().isAt(folder.model(digest), digest, tell)).toBe(false);
    await writeFile(folder.model(digest), 'model');
    expect(await new KeptModel().isAt(folder.model(digest), digest, tell)).toBe(true);
    expect(told).toEqual([]);
  });

  it.each(DAMAGES)(
    'is removed and fetched again when it is damaged (%s), which is told',
    async (_, damage) => {
      await writeFile(folder.model(digest), 'model');
      await damage(folder.model(digest));
      expect(await new KeptModel().isAt(folder.model(digest), digest, tell)).toBe(false);
      expect(told).toEqual([`NF_WORK_FILE ${folder.model(digest)}`]);
      expect(await readdir(folder.models)).toEqual([]);
    },
  );
});
