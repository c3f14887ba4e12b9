import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../../../src/runtime/base/digest.ts';
import { isBudgetStop, JobBudget } from '../../../../../src/runtime/deployment/client/budget/job-budget.ts';
import { PrivacyLedger } from '../../../../../src/runtime/deployment/client/budget/privacy-ledger.ts';
import type { JobDefinition } from '../../../../../src/runtime/job/definition.ts';
import { loadJob } from '../../../../../src/runtime/job/load.ts';
import { openKit } from '../../../../../src/runtime/security/kit/open.ts';
import { logKey } from '../../../../../src/runtime/security/log-key.ts';
import type { LogKey } from '../../../../../src/runtime/security/logs/chained-log.ts';
import { makeFederation } from '../../../../support/federation-kits.ts';
import { writeJob } from '../../../../support/job-folder.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
const JOB = randomUUID();
const PRIVACY = { noise: 1.5, delta: 1e-3, sampling_rate: 0.2, steps_per_round: 5, metrics: 'none' };
let key: LogKey;
let definition: JobDefinition;
let count = 0;
let ledger: PrivacyLedger;
let budget: JobBudget;

beforeAll(async () => {
  const { kit } = await makeFederation(join(root, 'kits'));
  key = logKey(await openKit(kit('site-1'), 'client'));
  ({ definition } = await loadJob(await writeJob(join(root, 'job'), { patch: { privacy: PRIVACY } })));
});

beforeEach(async () => {
  const name = join(root, String(count++));
  const place = { site: 'site-1', ledger: `${name}.jsonl`, end: `${name}.end` };
  ledger = await PrivacyLedger.open(place, key);
  const deps = { site: 'site-1', job: JOB, definition, people: 'a table' };
  budget = new JobBudget({ ...deps, ledger, budget: async () => ({ epsilon: 20, delta: 1e-3 }) });
  return () => ledger.close();
});

const task = (round: number) => ({ id: `train/${round}/site-1` });
const answerTo = (round: number, text = 'noise') => ({
  answer: { result: { task: task(round).id, files: { model: { sha256: sha256(text) } } } },
});
const states = () => ledger.spending.reservations.map(({ state }) => state);
const keep = async () => undefined;

describe('the budget of a job', () => {
  it('pays for an answer from before a restart whose reservation was given back, before it is sent', async () => {
    const reservation = await budget.reserve(task(1));
    await budget.release('the client ended');
    const kept: unknown[] = [];
    const old = { reservation: reservation ?? 0, ...answerTo(1) };
    const charged = await budget.charge(old, async (answer) => void kept.push(answer));
    expect(charged).toMatchObject({ reservation: 2 });
    expect(kept).toEqual([charged]);
    expect(states()).toEqual(['void', 'charged']);
    expect(await budget.charge(charged, keep)).toEqual(charged);
    expect(states()).toEqual(['void', 'charged']);
  });

  it('takes no answer under the charge of another task, and none that was changed since', async () => {
    const reservation = (await budget.reserve(task(1))) ?? 0;
    const charged = await budget.charge({ reservation, ...answerTo(1) }, keep);
    await expect(budget.charge({ ...charged, ...answerTo(1, 'other') }, keep)).rejects.toMatchObject({
      code: 'NF_PRIVACY_UNCHARGED',
    });
    await budget.charge({ reservation, ...answerTo(2) }, keep);
    expect(states()).toEqual(['charged', 'charged']);
  });

  it('lets masks be put on an update that was charged with its answer, and on no other', async () => {
    const held = (text: string) => ({ model: sha256(text) });
    const { answer } = answerTo(1);
    const told = { answer: { result: { ...answer.result, files: {} } } };
    const uncharged = expect.objectContaining({ code: 'NF_PRIVACY_UNCHARGED' });
    const reservation = (await budget.reserve(task(1))) ?? 0;
    expect(() => budget.requireCharged(held('noise'))).toThrow(uncharged);
    await budget.charge({ reservation, held: held('noise'), ...told }, keep);
    budget.requireCharged(held('noise'));
    expect(() => budget.requireCharged(held('other'))).toThrow(uncharged);
    // Of a task that was given back an update may be left.
    await budget.reserve(task(2));
    await budget.release('the client ended');
    expect(() => budget.requireCharged(held('second'))).toThrow(uncharged);
  });

  it('counts a failure as the answer that it takes the place of', async () => {
    await budget.reserve(task(1));
    const error = { code: 'NF_SCRIPT_FAILED', message: 'm', hint: 'h', exitCode: 1 } as const;
    await budget.chargeFailure({ task: task(1).id, attempt: 1, error });
    expect(states()).toEqual(['charged']);
  });

  it('gives back what a killed attempt had set apart when the task begins again', async () => {
    for (let attempt = 0; attempt < 3; attempt++) await budget.reserve(task(1));
    expect(states()).toEqual(['void', 'void', 'open']);
  });

  it('ends where the server asks for more rounds than the promise counts', async () => {
    for (const round of [1, 2])
      await budget.charge(
        { reservation: (await budget.reserve(task(round))) ?? 0, ...answerTo(round) },
        keep,
      );
    const thrown = await budget.reserve(task(2)).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: 'NF_PRIVACY_ROUNDS', message: expect.stringContaining('10 steps') });
    expect(isBudgetStop(thrown)).toBe(true);
  });

  it('asks nothing for a task that looks at nobody within the promise', async () => {
    expect(await budget.reserve({ id: 'evaluate/3/site-1' })).toBeUndefined();
    expect(states()).toEqual([]);
  });
});
