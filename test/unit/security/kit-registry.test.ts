import { existsSync, readFileSync, statSync } from 'node:fs';
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { userConfigPath } from '../../../src/runtime/base/files/config-file.ts';
import { verifyKit } from '../../../src/runtime/security/kit/verify.ts';
import {
  addKit,
  expiryWarning,
  inspectKit,
  listKits,
  removeKit,
  useKit,
} from '../../../src/runtime/security/kit-registry.ts';
import { DAY_MS, type Federation, makeFederation } from '../../support/federation-kits.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: Federation;
let next = 0;
const newConfig = () => {
  next += 1;
  return join(root, `settings-${next}`, 'config.json');
};

beforeAll(async () => {
  federation = await makeFederation(join(root, 'kits'));
});

const add = (config: string, id: string, name = 'site-1', force = false) =>
  addKit(config, { id, dir: federation.kit(name), force });

describe('userConfigPath', () => {
  it('goes by NEUROFLARE_CONFIG, then the configuration folder', () => {
    expect(userConfigPath({ NEUROFLARE_CONFIG: '/a/b.json' })).toBe('/a/b.json');
    expect(userConfigPath({ XDG_CONFIG_HOME: '/c' })).toBe(join('/c', 'neuroflare', 'config.json'));
    expect(userConfigPath({})).toBe(join(homedir(), '.config', 'neuroflare', 'config.json'));
  });
});

describe('the list of kits', () => {
  it('adds, chooses, lists and forgets', async () => {
    const config = newConfig();
    expect(await listKits(config)).toEqual([]);
    expect(await add(config, 'one')).toMatchObject({ active: true });
    expect(await add(config, 'two', 'ann@example.org')).toMatchObject({ active: false });
    await useKit(config, 'two');
    expect((await listKits(config)).map(({ id, active }) => [id, active])).toEqual([
      ['one', false],
      ['two', true],
    ]);
    expect((await inspectKit(config, undefined)).report.participant).toBe('ann@example.org');
    expect(await removeKit(config, 'two')).toMatchObject({ wasActive: true });
    expect(existsSync(federation.kit('ann@example.org'))).toBe(true);
    await expect(inspectKit(config, undefined)).rejects.toMatchObject({ code: 'NF_CONFIG_NONE' });
    if (process.platform !== 'win32') expect(statSync(config).mode & 0o777).toBe(0o600);
    expect(existsSync(`${config}.lock`)).toBe(false);
  });

  it('lets a name move only when told to', async () => {
    const config = newConfig();
    await add(config, 'one');
    await add(config, 'one');
    await expect(add(config, 'one', 'site-2')).rejects.toMatchObject({ code: 'NF_CONFIG_TAKEN' });
    await add(config, 'one', 'site-2', true);
    expect((await inspectKit(config, 'one')).report.participant).toBe('site-2');
  });

  it('refuses a kit that is broken and a name that is none', async () => {
    const config = newConfig();
    const kit = join(root, 'broken');
    await cp(federation.kit('site-1'), kit, { recursive: true });
    await writeFile(join(kit, 'startup/client.crt'), '');
    await expect(addKit(config, { id: 'x', dir: kit, force: false })).rejects.toMatchObject({
      code: 'NF_KIT_FAULTY',
    });
    for (const id of ['', 'a/b', '__proto__', ' x']) {
      await expect(add(config, id)).rejects.toMatchObject({ code: 'NF_CONFIG_ID' });
    }
    expect(existsSync(config)).toBe(false);
  });

  it('names the nearest of those it knows', async () => {
    const config = newConfig();
    await add(config, 'admin');
    for (const act of [useKit, removeKit, inspectKit]) {
      await expect(act(config, 'amdin')).rejects.toMatchObject({
        code: 'NF_CONFIG_UNKNOWN',
        message: expect.stringContaining("Did you mean 'admin'?"),
      });
    }
    await expect(useKit(config, 'constructor')).rejects.toMatchObject({ code: 'NF_CONFIG_UNKNOWN' });
  });

  it('looks at a folder as well', async () => {
    expect(await inspectKit(newConfig(), federation.kit('hub'))).toMatchObject({
      id: undefined,
      report: { participant: 'hub' },
    });
  });

  it('notices a kit that is gone, and one of another authority', async () => {
    const config = newConfig();
    const kit = join(root, 'moving');
    await cp(federation.kit('site-1'), kit, { recursive: true });
    await addKit(config, { id: 'x', dir: kit, force: false });
    const stranger = await makeFederation(join(root, 'strangers'));
    await rename(kit, `${kit}-away`);
    expect(await listKits(config)).toMatchObject([
      { report: undefined, problem: expect.stringContaining('does not exist') },
    ]);
    await cp(stranger.kit('site-1'), kit, { recursive: true });
    expect((await inspectKit(config, 'x')).report.faults).toMatchObject([{ problem: 'foreign' }]);
  });

  it('refuses a file that is not what it should be, with its line', async () => {
    const config = newConfig();
    await mkdir(join(config, '..'), { recursive: true });
    await writeFile(config, '{"version": 1,\n "kitz": {}}');
    await expect(listKits(config)).rejects.toMatchObject({
      code: 'NF_CONFIG_INVALID',
      place: { file: config },
    });
    await writeFile(config, '{');
    await expect(listKits(config)).rejects.toMatchObject({ code: 'NF_CONFIG_YAML' });
    const before = readFileSync(config, 'utf8');
    await expect(add(config, 'x')).rejects.toMatchObject({ code: 'NF_CONFIG_YAML' });
    expect(readFileSync(config, 'utf8')).toBe(before);
    await rm(config);
  });

  it('loses nothing when two add at once', async () => {
    const config = newConfig();
    await Promise.all([add(config, 'a'), add(config, 'b', 'site-2')]);
    expect((await listKits(config)).map(({ id }) => id)).toEqual(['a', 'b']);
  });
});

describe('expiryWarning', () => {
  const report = async (daysLeft: number) =>
    verifyKit(federation.kit('site-1'), { now: new Date(Date.now() + (364.5 - daysLeft) * DAY_MS) });

  it.each([
    [31, undefined],
    [30, /ends in 30 days.*--renew site-1/],
    [1, /ends in 1 day,/],
    [0, /ends in 0 days/],
    [-2, undefined],
  ])('%i days ahead', async (days, text) => {
    const warning = expiryWarning(await report(days));
    if (text === undefined) expect(warning).toBeUndefined();
    else expect(warning).toMatch(text);
  });
});
