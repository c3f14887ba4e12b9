import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../../src/runtime/base/digest.ts';
import { flError } from '../../../../src/runtime/base/errors/errors.ts';
import { PACKAGE_ROOT } from '../../../../src/runtime/base/files/package-root.ts';
import { openAnswer, signAnswer } from '../../../../src/runtime/deployment/queue/answers.ts';
import {
  dropAttempt,
  keepAttempt,
  orderOfAttempt,
  removeAttempts,
} from '../../../../src/runtime/deployment/queue/attempt-files.ts';
import { idOfOrder, openOrder, signOrder } from '../../../../src/runtime/deployment/queue/orders.ts';
import { vectorsOf } from '../../../../src/runtime/deployment/queue/processor.ts';
import { parseQueueAddress } from '../../../../src/runtime/deployment/queue/queue-address.ts';
import { openLink, unfitness } from '../../../../src/runtime/deployment/queue/queue-link.ts';
import type { WorkerRecord } from '../../../../src/runtime/deployment/queue/records.ts';
import { ensureRunKey, readRunKey } from '../../../../src/runtime/deployment/queue/run-key.ts';
import { openSigned, sign } from '../../../../src/runtime/deployment/queue/signed.ts';
import {
  type Outstanding,
  type QueueState,
  sweepTask,
} from '../../../../src/runtime/deployment/queue/sweep.ts';
import { judgeWorker, workersLine } from '../../../../src/runtime/deployment/queue/verdict.ts';
import { type RunFolder, runFolder } from '../../../../src/runtime/run/run-folder.ts';
import type { TaskOrder } from '../../../../src/runtime/site/executor/messages.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
let folder: RunFolder;
let count = 0;

beforeEach(async () => {
  folder = runFolder(join(root, String(count++), 'job', '20260101-000000'));
  await mkdir(folder.at('sites/site-1'), { recursive: true });
});

/** An order as far as the queue looks into it. */
function orderIn(at: (path: string) => string): TaskOrder {
  return {
    task: {
      context: { site: 'site-1', currentRound: 1 } as TaskOrder['task']['context'],
      code: { bundle: at('bundle'), source: '/jobs/x' },
      script: 'client/train.ts',
      inputs: { model: at('models/round-0000.safetensors') },
      statePath: undefined,
    },
    home: at('sites/site-1/home'),
    output: {
      files: { model: at('sites/site-1/update-0001.safetensors') },
      state: at('sites/site-1/state.bin'),
    },
  };
}

describe('the address of a queue', () => {
  it.each([
    ['redis://head:6379', 'redis://head:6379'],
    ['rediss://user:secret@head/2', 'rediss://head/2'],
    ['redis://[::1]:7000/', 'redis://[::1]:7000'],
  ])('%s is shown as %s', (text, shown) => {
    expect(parseQueueAddress(text)).toEqual({ url: new URL(text).href, shown });
  });

  it.each([
    [undefined, 'none was given'],
    ['', 'none was given'],
    ['head:secret', 'begins with head://'],
    ['secret words', 'cannot be read'],
    ['http://user:secret@head:6379', 'begins with http://'],
    ['postgres://user:secret@head/db', 'begins with postgres://'],
    ['redis://:secret@/0', ''],
    ['redis://:secret@head/queue', 'number of a database'],
  ])('%s is refused, and no password is shown', (text, reason) => {
    const refused = (() => {
      try {
        return parseQueueAddress(text);
      } catch (error) {
        return error;
      }
    })();
    expect(refused).toMatchObject({ code: 'NF_QUEUE_URL', message: expect.stringContaining(reason) });
    expect(String(refused)).not.toContain('secret');
  });

  it('that nobody listens at is said at once', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const port = Object(server.address()).port;
    await new Promise((resolve) => server.close(resolve));
    await expect(
      openLink(parseQueueAddress(`redis://:secret@127.0.0.1:${port}`), () => undefined),
    ).rejects.toMatchObject({
      code: 'NF_QUEUE_UNREACHABLE',
      exitCode: 2,
      message: expect.not.stringContaining('secret'),
    });
  });

  it('needs the packages that are named where they lack', async () => {
    const { peerDependencies: peers } = JSON.parse(
      await readFile(join(PACKAGE_ROOT, 'package.json'), 'utf8'),
    );
    const named = `bullmq@${peers.bullmq} ioredis@${peers.ioredis}`;
    expect(flError('NF_QUEUE_PACKAGES', { reason: 'x' }).hint).toContain(named);
    expect(await readFile(join(PACKAGE_ROOT, 'docs/scale.md'), 'utf8')).toContain(named);
  });

  it.each([
    ['redis_version:7.0.15\nmaxmemory_policy:noeviction', undefined],
    ['redis_version:6.2.0', undefined],
    ['redis_version:6.0.9\r\nmaxmemory_policy:noeviction\r\n', 'it is Redis 6.0.9'],
    ['redis_version:7.2.4\nvalkey_version:8.0.1\nmaxmemory_policy:noeviction', undefined],
    ['redis_version:7.0.15\nmaxmemory_policy:allkeys-lru\n', 'its maxmemory-policy is allkeys-lru'],
  ])('whose server says %j is fit, or not', (info, reason) => {
    expect(unfitness(info)).toBe(reason);
  });
});

describe('the key of a run', () => {
  it("is the user's alone, and stays", async () => {
    const key = await ensureRunKey(folder);
    expect((await stat(folder.at('run.key'))).mode & 0o777).toBe(0o600);
    expect(await ensureRunKey(folder)).toEqual(key);
    expect(await readRunKey(folder, 'w')).toEqual(key);
  });

  it('that others may read is not trusted, nor a folder without one', async () => {
    await expect(readRunKey(folder, 'w')).rejects.toMatchObject({ code: 'NF_WORKER_FILES' });
    await ensureRunKey(folder);
    await chmod(folder.at('run.key'), 0o640);
    await expect(readRunKey(folder, 'w')).rejects.toMatchObject({ code: 'NF_WORKER_KEY' });
  });

  it('signs things of one kind, and any change is seen', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(), (content, at) => {
        const secret = new Uint8Array(32).fill(1);
        const signed = sign('order', content, secret);
        expect(openSigned('order', signed, secret)).toEqual(JSON.parse(JSON.stringify(content)));
        expect(openSigned('answer', signed, secret)).toBeUndefined();
        expect(openSigned('order', signed, new Uint8Array(32))).toBeUndefined();
        const place = at % signed.text.length;
        const text = `${signed.text.slice(0, place)}\u0001${signed.text.slice(place + 1)}`;
        expect(openSigned('order', { ...signed, text }, secret)).toBeUndefined();
      }),
    );
  });
});

describe('an order', () => {
  const queued = (order: TaskOrder, run: string) => ({
    run,
    id: idOfOrder(order),
    attempt: 1,
    limit: 60,
    order,
  });

  it('comes back as it was given', async () => {
    const key = await ensureRunKey(folder);
    const given = queued(orderIn(folder.at), key.id);
    expect(openOrder(signOrder(given, key), key, folder.root)).toEqual(JSON.parse(JSON.stringify(given)));
  });

  it.each([
    ['an output', (order: TaskOrder) => ({ ...order, output: { ...order.output, state: '/etc/passwd' } })],
    [
      'an input',
      (order: TaskOrder) => ({ ...order, task: { ...order.task, inputs: { model: '/etc/passwd' } } }),
    ],
    [
      'code',
      (order: TaskOrder) => ({ ...order, task: { ...order.task, code: { bundle: '/tmp', source: '' } } }),
    ],
    ['a folder', (order: TaskOrder) => ({ ...order, home: `${folder.root}/../other` })],
    ['kept features', (order: TaskOrder) => ({ ...order, features: '/tmp/features' })],
  ])('with %s outside the run is not run, though it is signed', async (_, change) => {
    const key = await ensureRunKey(folder);
    const given = queued(change(orderIn(folder.at)), key.id);
    expect(() => openOrder(signOrder(given, key), key, folder.root)).toThrow(
      expect.objectContaining({ code: 'NF_WORKER_ORDER_FORGED' }),
    );
  });

  it.each([undefined, null, 1, {}, { text: '{}', mac: '0'.repeat(64) }, { text: 'x', mac: 'y' }])(
    'that is %j is not run',
    async (said) => {
      const key = await ensureRunKey(folder);
      expect(() => openOrder(said, key, folder.root)).toThrow(
        expect.objectContaining({ code: 'NF_WORKER_ORDER_FORGED' }),
      );
    },
  );

  it('of another run is not run', async () => {
    const key = await ensureRunKey(folder);
    const given = queued(orderIn(folder.at), 'another');
    expect(() => openOrder(signOrder(given, key), key, folder.root)).toThrow('of another run');
  });
});

describe('an answer', () => {
  const said = { id: '0'.repeat(24), attempt: 1, worker: '01234567', events: [] } as const;

  it('is read as a worker of the run signed it', async () => {
    const key = await ensureRunKey(folder);
    const answer = {
      paramsType: 'FULL',
      numExamples: 3,
      metrics: { accuracy: 0.5 },
      files: { model: sha256('x') },
    } as const;
    const whole = { ...said, run: key.id, outcome: { type: 'result', answer } } as const;
    expect(openAnswer(signAnswer(whole, key), key)).toEqual(whole);
    expect(openAnswer({ ...signAnswer(whole, key), mac: '0'.repeat(64) }, key)).toBeUndefined();
    expect(openAnswer(signAnswer({ ...whole, run: 'other' }, key), key)).toBeUndefined();
  });

  it('whose figures no script may send is a failure', async () => {
    const key = await ensureRunKey(folder);
    const answer = { paramsType: 'FULL', numExamples: -1, metrics: {}, files: {} } as const;
    const signed = signAnswer({ ...said, run: key.id, outcome: { type: 'result', answer } }, key);
    expect(openAnswer(signed, key)?.outcome).toMatchObject({ type: 'failure' });
  });
});

describe('files of an attempt', () => {
  it('get the names of the order once they are what was said, and others are removed', async () => {
    const order = orderIn(folder.at);
    const [good, late] = [
      { attempt: 1, worker: '00000001' },
      { attempt: 1, worker: '00000002' },
    ];
    for (const attempt of [good, late])
      await writeFile(orderOfAttempt(order, attempt).output.files.model ?? '', attempt.worker);
    const answer = { files: { model: sha256(good.worker) } };
    const looks = { most: 2, pauseMs: 1 };
    expect(await keepAttempt({ order, answer, attempt: late, looks })).toBe(false);
    expect(await keepAttempt({ order, answer, attempt: good, looks })).toBe(true);
    expect(await readFile(order.output.files.model ?? '', 'utf8')).toBe(good.worker);
    await dropAttempt(order, late);
    await writeFile(folder.at('sites/site-1/state.bin.a3-0123abcd'), '');
    await removeAttempts(folder.at('sites'));
    await expect(stat(folder.at('sites/site-1/state.bin.a3-0123abcd'))).rejects.toThrow();
    expect(await readFile(order.output.files.model ?? '', 'utf8')).toBe(good.worker);
  });
});

describe('the sweep', () => {
  const fresh: Outstanding = { attempt: 1, missed: 0, refused: 0 };

  it.each<[QueueState, boolean, string]>([
    ['waits', false, 'wait'],
    ['runs', false, 'wait'],
    ['unknown', true, 'wait'],
    ['unknown', false, 'wait'],
    ['refused', false, 'again'],
    ['stalled', false, 'give up'],
  ])('at the first look: %s (answers wait: %s) is %s', (state, answersWait, step) => {
    expect(sweepTask(fresh, state, answersWait)).toMatchObject({ do: step });
  });

  it('puts a task that is nowhere into the queue again at the second look, as another attempt', () => {
    expect(sweepTask({ ...fresh, missed: 1 }, 'unknown', false)).toEqual({
      do: 'again',
      next: { attempt: 2, missed: 0, refused: 0 },
    });
  });

  it('gives a task up that is changed again and again', () => {
    expect(sweepTask({ ...fresh, refused: 2 }, 'refused', false)).toEqual({ do: 'give up', why: 'forged' });
  });

  it('never lets a task rest that the queue has forgotten, and adds none that is there', () => {
    const states = fc.array(
      fc.record({ state: fc.constantFrom<QueueState>('waits', 'runs', 'unknown'), more: fc.boolean() }),
    );
    fc.assert(
      fc.property(states, (looks) => {
        let task = fresh;
        for (const { state, more } of looks) {
          const step = sweepTask(task, state, more);
          if (step.do === 'give up') throw new Error('given up');
          if (step.do === 'again') expect(state).toBe('unknown');
          task = step.next;
        }
        const first = sweepTask(task, 'unknown', false);
        const second = first.do === 'wait' ? sweepTask(first.next, 'unknown', false) : first;
        expect(second.do).toBe('again');
      }),
    );
  });
});

describe('a worker', () => {
  const asks = { run: { class: 'x64 avx2, ort' } };
  const worker: WorkerRecord = {
    id: '0123abcd',
    name: 'host-1',
    version: '1.0.0',
    processor: 'x64 avx2',
    threads: 1,
    gpu: null,
    since: '',
    run: null,
    active: 0,
    done: 0,
    asks,
  };
  const terms = { run: 'run', version: '1.0.0', folder: '/work/x', class: undefined, mixedHardware: false };
  const refusal = { code: 'NF_WORKER_DATA', message: 'no data' };

  it.each([
    ['the first', worker, terms, true, 'fit'],
    ['of the same class', worker, { ...terms, class: 'x64 avx2, ort' }, true, 'fit'],
    ['of another class', worker, { ...terms, class: 'x64 avx512, ort' }, true, 'NF_WORKER_CLASS'],
    [
      'of another class, where that is allowed',
      worker,
      { ...terms, class: 'y', mixedHardware: true },
      true,
      'fit',
    ],
    ['of another version', { ...worker, version: '0.9.0' }, terms, true, 'NF_WORKER_VERSION'],
    ['whose files are not seen', worker, terms, false, 'NF_WORKER_FILES'],
    ['without the data', { ...worker, asks: { run: { refusal } } }, terms, true, 'NF_WORKER_DATA'],
    ['that has not asked', { ...worker, asks: {} }, terms, true, undefined],
  ])('%s is taken, or named', (_, record, at, sees, wanted) => {
    const verdict = judgeWorker(record, at, sees);
    expect(typeof verdict === 'object' ? verdict.code : verdict).toBe(wanted);
  });

  it('that is not used is counted, with the remedy', () => {
    const other = { code: 'NF_WORKER_CLASS', message: 'x' };
    expect(workersLine(['fit', 'fit', other], 'x64')).toBe(
      '2 workers (x64); 1 of 3 workers has another processor or engine; --mixed-hardware uses it, and bits then depend on who ran what',
    );
    expect(workersLine(['fit', refusal], undefined)).toBe(
      '1 worker; 1 of 2 workers cannot take part: no data (NF_WORKER_DATA)',
    );
  });

  it.each([
    ['fpu sse2 avx avx2 avx512f avx512_vnni', 'avx512-vnni'],
    ['fpu avx avx2', 'avx2'],
    ['fp asimd asimddp', 'neon-dotprod'],
    ['fpu', 'plain'],
  ])('with a processor that can %s is of the class %s', (flags, name) => {
    expect(vectorsOf(flags)).toBe(name);
  });
});
