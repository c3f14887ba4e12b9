import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { matcherOf, partedBy } from '../../../src/runtime/base/text/name-patterns.ts';
import { requireFileForm } from '../../../src/runtime/run/task-file.ts';
import { writeKept, writePersonal, writeShared } from '../../../src/runtime/site/write-kept.ts';
import { writeModel } from '../../support/model-files.ts';
import { float32 } from '../../support/param-sets.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
const NAMES = 640;
const PATTERNS = ['w1*'];

/** Names that are asked for between two turns of the event loop, at most. */
async function mostInATurn(work: (patterns: readonly string[]) => Promise<unknown>): Promise<number> {
  let [now, most] = [0, 0];
  // A pattern is taken apart once and held against each name: a list that counts how often it is looked at.
  const counting = new Proxy([...PATTERNS], {
    get(list, key) {
      if (key !== 'map') return Reflect.get(list, key);
      return (...args: Parameters<string[]['map']>) => {
        const wanted = list.map(...args);
        return Object.assign([...wanted], {
          some: (is: (parts: unknown) => boolean) => {
            most = Math.max(most, ++now);
            return wanted.some(is);
          },
        });
      };
    },
  });
  let isOver = false;
  const turn = () => {
    now = 0;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  await work(counting).finally(() => {
    isOver = true;
  });
  return most;
}

describe('names that are held against the patterns of a job', () => {
  it('leave others a turn at a site', async () => {
    const folder = join(root, 'a');
    await mkdir(folder);
    const many = Object.fromEntries(Array.from({ length: NAMES }, (_, at) => [`w${at}`, float32([1])]));
    const model = await writeModel(folder, 'model', many);
    const at = (name: string) => join(folder, name);
    const made = {
      model: { path: model, paramsType: 'FULL' },
      state: undefined,
      secret: new Uint8Array(32),
    } as const;
    const works: Record<string, (patterns: readonly string[]) => Promise<unknown>> = {
      shared: (patterns) => writeShared(at('shared'), model, patterns),
      kept: (patterns) => writeKept(at('kept'), made, { received: model, kept: undefined, patterns }),
      personal: (patterns) => writePersonal(at('personal'), { received: model, kept: at('kept'), patterns }),
      form: (stays) =>
        requireFileForm({
          path: at('shared'),
          model,
          rule: { form: 'subset:model', stays },
          name: 'model',
          task: 'train/1/site-1',
        }),
    };
    for (const [what, work] of Object.entries(works)) {
      const most = await mostInATurn(work);
      expect(most, what).toBeGreaterThan(0);
      expect(most, what).toBeLessThanOrEqual(64);
    }
  });

  it('are parted in their order', async () => {
    const entries = Array.from({ length: 50 }, (_, at) => ({ name: `w${at}` }));
    const { meant, others } = await partedBy(entries, matcherOf(['w1*', 'w*0']));
    expect([...meant, ...others].toSorted((a, b) => entries.indexOf(a) - entries.indexOf(b))).toEqual(
      entries,
    );
    expect(meant.map(({ name }) => name).join(' ')).toBe(
      'w0 w1 w10 w11 w12 w13 w14 w15 w16 w17 w18 w19 w20 w30 w40',
    );
    expect(others).toEqual(entries.filter((one) => !meant.includes(one)));
  });
});
