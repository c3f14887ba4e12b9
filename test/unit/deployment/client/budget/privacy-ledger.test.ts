import { existsSync } from 'node:fs';
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../../../src/runtime/base/digest.ts';
import {
  leavingOf,
  PrivacyLedger,
} from '../../../../../src/runtime/deployment/client/budget/privacy-ledger.ts';
import { pldEpsilon } from '../../../../../src/runtime/privacy/pld.ts';
import { openKit } from '../../../../../src/runtime/security/kit/open.ts';
import { logKey } from '../../../../../src/runtime/security/log-key.ts';
import type { LogKey } from '../../../../../src/runtime/security/logs/chained-log.ts';
import { makeFederation } from '../../../../support/federation-kits.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
const BUDGET = { epsilon: 5, delta: 1e-3 };
const STEP = { part: 'train', rate: 0.2, sigma: 1.5, steps: 5 } as const;
let key: LogKey;
let foreign: LogKey;
let count = 0;
let place = { site: 'site-1', ledger: '', end: '' };

beforeAll(async () => {
  const { kit } = await makeFederation(join(root, 'kits'));
  key = logKey(await openKit(kit('site-1'), 'client'));
  foreign = logKey(await openKit(kit('site-2'), 'client'));
});

beforeEach(() => {
  const name = join(root, String(count++));
  place = { site: 'site-1', ledger: `${name}.jsonl`, end: `${name}.end` };
});

const order = (round: number, over: object = {}) => ({
  job: 'a job',
  name: 'brains',
  task: `train/${round}/site-1`,
  people: 'a table',
  spends: [STEP],
  ...over,
});

/** A ledger with some rounds that were charged, closed again. */
async function spend(rounds: number, at = place, by = key): Promise<void> {
  const ledger = await PrivacyLedger.open(at, by);
  for (let round = 1; round <= rounds; round++)
    await ledger.charge(await ledger.reserve(order(round), BUDGET), leaving(String(round)));
  await ledger.close();
}

const leaving = (text: string) => leavingOf({ answer: text }, { model: sha256(text) });
const open = () => PrivacyLedger.open(place, key);
const lines = async () => (await readFile(place.ledger, 'utf8')).split('\n').slice(0, -1);

describe('a privacy ledger', () => {
  it('is not there before its first entry, whose end is signed: an empty one would be taken for one that was cut', async () => {
    await (await open()).close();
    expect(existsSync(place.ledger)).toBe(false);
    await spend(1);
    expect([place.ledger, `${place.ledger}.head`].map(existsSync)).toEqual([true, true]);
  });

  it('knows after a restart what was spent, and goes on from there', async () => {
    await spend(2);
    const before = await open();
    const epsilon = before.spending.epsilon(BUDGET.delta);
    await before.close();
    await spend(1);
    const after = await open();
    expect(after.spending.reservations.map(({ state }) => state)).toEqual(['charged', 'charged', 'charged']);
    expect(after.spending.epsilon(BUDGET.delta)).toBeGreaterThan(epsilon);
    await after.close();
  });

  it('charges the same bytes once, and refuses others under their name', async () => {
    const ledger = await open();
    const number = await ledger.reserve(order(1), BUDGET);
    for (let times = 0; times < 3; times++) await ledger.charge(number, leaving('one'));
    expect((await lines()).filter((line) => line.includes('"charge"'))).toHaveLength(1);
    await expect(ledger.charge(number, leaving('two'))).rejects.toMatchObject({
      code: 'NF_PRIVACY_UNCHARGED',
    });
    await expect(ledger.charge(9, leaving('one'))).rejects.toMatchObject({ code: 'NF_PRIVACY_UNCHARGED' });
    await ledger.close();
  });

  it('counts what is open as spent, and gives back what never left', async () => {
    const ledger = await open();
    const most = { epsilon: 2.2, delta: 1e-3 };
    const numbers = [await ledger.reserve(order(1), most)];
    const next = () => ledger.reserve(order(numbers.length + 1), most);
    for (;;) {
      const number = await next().catch(() => undefined);
      if (number === undefined) break;
      numbers.push(number);
    }
    await expect(next()).rejects.toMatchObject({ code: 'NF_PRIVACY_BUDGET' });
    await ledger.release(({ number }) => number === numbers[0], 'the process is gone');
    await expect(next()).resolves.toBe(numbers.length + 1);
    await expect(ledger.charge(1, leaving('late'))).rejects.toMatchObject({ code: 'NF_PRIVACY_UNCHARGED' });
    await ledger.close();
  });

  it('says of a budget what is spent, what would be, and what is the most', async () => {
    await spend(3);
    const ledger = await open();
    const tight = { epsilon: 0.9, delta: 1e-3 };
    await expect(ledger.reserve(order(1, { job: 'another' }), tight)).rejects.toMatchObject({
      code: 'NF_PRIVACY_BUDGET',
      message: expect.stringMatching(
        /brains: epsilon \d\.\d\d is spent, \d\.\d\d it would be, and 0\.9 is the most/,
      ),
    });
    // The job that spent it began while more was allowed.
    await expect(ledger.reserve(order(4), tight)).rejects.toMatchObject({ code: 'NF_PRIVACY_LOWERED' });
    await ledger.close();
  });

  it('adds steps as one mechanism, whatever the order of jobs: no less than PLD says', async () => {
    await spend(4);
    const ledger = await open();
    const epsilon = ledger.spending.epsilon(1e-3);
    expect(epsilon).toBeGreaterThan(pldEpsilon({ ...STEP, steps: 20 }, 1e-3));
    expect(epsilon).toBeLessThan(1.3 * pldEpsilon({ ...STEP, steps: 20 }, 1e-3));
    await ledger.close();
  });

  it('counts the most of two parts of one table, and adds those of two tables', async () => {
    const ledger = await open();
    const wide = { epsilon: 50, delta: 1e-3 };
    const epsilon = () => ledger.spending.epsilon(1e-3);
    await ledger.reserve(order(1), wide);
    const one = epsilon();
    await ledger.reserve(order(1, { spends: [{ ...STEP, part: 'validation' }] }), wide);
    expect(epsilon()).toBe(one);
    await ledger.reserve(order(1, { people: 'another table' }), wide);
    expect(epsilon()).toBeGreaterThan(one);
    await ledger.close();
  });
});

describe('a privacy ledger is refused', () => {
  const bad: readonly (readonly [string, () => Promise<void>, string, string])[] = [
    [
      'that was deleted',
      async () => {
        await rm(place.ledger);
        await rm(`${place.ledger}.head`);
      },
      'NF_PRIVACY_LEDGER_GONE',
      'entries',
    ],
    ['whose lines alone were deleted', () => rm(place.ledger), 'NF_PRIVACY_LEDGER_GONE', 'entries'],
    ['that was emptied', () => writeFile(place.ledger, ''), 'NF_PRIVACY_LEDGER_DAMAGED', 'cut off'],
    [
      'that lost its last lines',
      async () => writeFile(place.ledger, `${(await lines()).slice(0, -2).join('\n')}\n`),
      'NF_PRIVACY_LEDGER_DAMAGED',
      'cut off',
    ],
    [
      'in which less is charged',
      async () =>
        writeFile(place.ledger, (await readFile(place.ledger, 'utf8')).replace('"steps":5', '"steps":1')),
      'NF_PRIVACY_LEDGER_DAMAGED',
      'changed',
    ],
    ['without its signed end', () => rm(`${place.ledger}.head`), 'NF_PRIVACY_LEDGER_DAMAGED', 'missing'],
    [
      'that is an older copy of itself',
      async () => {
        const copy = async (from: string, to: string) => {
          await copyFile(from, to);
          await copyFile(`${from}.head`, `${to}.head`);
        };
        await copy(place.ledger, `${place.ledger}.old`);
        await spend(1);
        await copy(`${place.ledger}.old`, place.ledger);
      },
      'NF_PRIVACY_LEDGER_DAMAGED',
      'seen before',
    ],
    [
      'that was begun anew in another folder',
      async () => {
        const other = { ...place, ledger: `${place.ledger}.new`, end: `${place.end}.new` };
        await spend(1, other);
        await copyFile(other.ledger, place.ledger);
        await copyFile(`${other.ledger}.head`, `${place.ledger}.head`);
      },
      'NF_PRIVACY_LEDGER_FOREIGN',
      'another one was here before',
    ],
    [
      'of another site',
      async () => {
        const other = { site: 'site-2', ledger: `${place.ledger}.2`, end: `${place.end}.2` };
        await spend(1, other, foreign);
        await copyFile(other.ledger, place.ledger);
        await copyFile(`${other.ledger}.head`, `${place.ledger}.head`);
      },
      'NF_PRIVACY_LEDGER_FOREIGN',
      'site-2',
    ],
    [
      'that another kit has signed',
      async () => {
        await rm(place.ledger);
        await rm(`${place.ledger}.head`);
        await rm(place.end);
        await spend(1, place, foreign);
        await rm(place.end);
      },
      'NF_PRIVACY_LEDGER_FOREIGN',
      'not signed',
    ],
  ];

  it.each(bad)('%s', async (_what, spoil, code, says) => {
    await spend(2);
    await spoil();
    await expect(open()).rejects.toMatchObject({ code, message: expect.stringContaining(says) });
  });

  it('but is whole where a crash cut a line short, which was never acknowledged', async () => {
    await spend(2);
    await writeFile(place.ledger, `${await readFile(place.ledger, 'utf8')}{"seq":7,"ti`);
    const ledger = await open();
    expect(ledger.spending.reservations).toHaveLength(2);
    await ledger.close();
    await spend(1);
  });
});
