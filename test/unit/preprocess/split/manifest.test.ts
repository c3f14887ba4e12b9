import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkSplit } from '../../../../src/preprocess/split/check.ts';
import {
  readSplit,
  type SplitManifest,
  type SplitSite,
  writeSplit,
} from '../../../../src/preprocess/split/manifest.ts';
import { planSplit } from '../../../../src/preprocess/split/plan.ts';
import { makeFolder } from '../image/made-pictures.ts';
import { evenRows, type MadeRow, madeTable } from './made-table.ts';

const rule = { strategy: 'iid', validation: 0.2, test: 0.2 } as const;
const code = (name: string) => expect.objectContaining({ code: name });

function made(rows: readonly MadeRow[] = evenRows(10)) {
  const participants = madeTable(rows);
  return { participants, split: planSplit(participants, { rule, seed: 0, sites: 2 }, 'bids').split };
}

/** The split with its first site changed. */
function changed(split: SplitManifest, change: (site: SplitSite) => Partial<SplitSite>): SplitManifest {
  const [first, ...rest] = split.sites as [SplitSite, ...SplitSite[]];
  return { ...split, sites: [{ ...first, ...change(first) }, ...rest] };
}

describe('readSplit', () => {
  it('reads what was written', async () => {
    const file = join(await makeFolder(), 'deep', 'split.json');
    const { split } = made();
    await writeSplit(file, split);
    expect(await readSplit(file)).toEqual(split);
  });

  it('refuses a file that is missing, cut, of another shape, or edited', async () => {
    const file = join(await makeFolder(), 'split.json');
    await expect(readSplit(file)).rejects.toThrow(code('NF_PATH_MISSING'));
    await writeSplit(file, made().split);
    const text = await readFile(file, 'utf8');
    const readAs = async (content: string) => {
      await writeFile(file, content);
      return readSplit(file);
    };
    await expect(readAs(text.slice(0, 300))).rejects.toThrow(code('NF_SPLIT_MALFORMED'));
    await expect(readAs('[]')).rejects.toThrow(code('NF_SPLIT_MALFORMED'));
    const shape = await readAs(text.replace('"seed": 0', '"seed": "x"')).catch((error) => error);
    expect([shape.code, shape.place.key]).toEqual(['NF_SPLIT_MALFORMED', 'seed']);
    await expect(readAs(text.replace('"kind"', '"sort": 1, "kind"'))).rejects.toThrow(
      code('NF_SPLIT_MALFORMED'),
    );
    await expect(readAs(text.replace('"seed": 0', '"seed": 1'))).rejects.toThrow(code('NF_SPLIT_HASH'));
  });

  it('refuses names that would leave their folder', async () => {
    const file = join(await makeFolder(), 'split.json');
    const { split } = made();
    await writeFile(file, JSON.stringify(changed(split, () => ({ name: '../site-1' }))));
    await expect(readSplit(file)).rejects.toThrow(code('NF_SPLIT_MALFORMED'));
    await writeFile(file, JSON.stringify(changed(split, () => ({ test: ['sub-../x'] }))));
    await expect(readSplit(file)).rejects.toThrow(code('NF_SPLIT_MALFORMED'));
  });

  it('refuses two sites of one name, of which one would be passed over', async () => {
    const file = join(await makeFolder(), 'split.json');
    await writeFile(file, JSON.stringify(changed(made().split, () => ({ name: 'site-2' }))));
    await expect(readSplit(file)).rejects.toThrow('twice');
  });
});

describe('checkSplit', () => {
  it('accepts what planSplit makes', () => {
    const { split, participants } = made();
    expect(() => checkSplit(split, participants)).not.toThrow();
  });

  it('refuses another table', () => {
    const { split } = made();
    expect(() => checkSplit(split, madeTable(evenRows(11)))).toThrow(code('NF_SPLIT_DATASET_CHANGED'));
  });

  it('refuses unknown and doubled participants', () => {
    const { split, participants } = made();
    const unknown = changed(split, (site) => ({ train: [...site.train, 'sub-nobody'] }));
    expect(() => checkSplit(unknown, participants)).toThrow(code('NF_SPLIT_PARTICIPANT_UNKNOWN'));
    const doubled = changed(split, (site) => ({ test: [...site.test, site.train[0] ?? ''] }));
    expect(() => checkSplit(doubled, participants)).toThrow(code('NF_SPLIT_PARTICIPANT_TWICE'));
  });

  it('refuses a group on both sides, in one site or at two', () => {
    const rows = evenRows(10).map((row, at) => ({ ...row, group: `g${at >> 1}` }));
    const { split, participants } = made(rows);
    const inside = changed(split, ({ train, test }) => ({
      train: train.slice(1),
      test: [...test, train[0] ?? ''],
    }));
    expect(() => checkSplit(inside, participants)).toThrow(code('NF_SPLIT_GROUP_CROSSES'));
    const other = split.sites[1]?.train[0] ?? '';
    const across = changed(split, ({ train }) => ({ train: [...train, other] }));
    const sites = across.sites.map((site, at) => (at === 1 ? { ...site, train: site.train.slice(1) } : site));
    expect(() => checkSplit({ ...across, sites }, participants)).toThrow(code('NF_SPLIT_GROUP_CROSSES'));
  });

  it('refuses participants that are set aside', () => {
    const rows = [...evenRows(6), { id: 'sub-x', diagnosis: 'glioma', setAside: 'label_conflict' }];
    const { split, participants } = made(rows);
    const used = changed(split, (site) => ({ train: [...site.train, 'sub-x'] }));
    expect(() => checkSplit(used, participants)).toThrow(code('NF_SPLIT_SET_ASIDE'));
  });

  it('refuses a site without training', () => {
    const { split, participants } = made();
    expect(() =>
      checkSplit(
        changed(split, () => ({ train: [] })),
        participants,
      ),
    ).toThrow(code('NF_SPLIT_TRAIN_EMPTY'));
  });
});
