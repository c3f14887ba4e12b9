import { existsSync, readdirSync } from 'node:fs';
import { appendFile, chmod, copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readRevocations } from '../../src/runtime/security/certificate/revocations.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();
const options = { cwd: root, env: { NEUROFLARE_CONFIG: join(root, 'settings.json') } };
const run = (...words: string[]) => runCli(words, options);
const json = (...words: string[]) => runJson(words, options);
const KITS = 'kits/example_project';

interface Kits {
  readonly folder: string;
  readonly kits: readonly { name: string; role?: string; path?: string }[];
  readonly approval?: string;
  readonly notes: readonly string[];
  readonly root_fingerprint: string;
}

beforeAll(async () => {
  await run('provision', '--generate');
  await run('provision', '--project-file', 'project.yml', '--workspace', 'kits');
});

describe('provision', () => {
  it('writes a sample that can be provisioned, and only once', async () => {
    expect(await readFile(join(root, 'project.yml'), 'utf8')).toContain('participants:');
    expect(readdirSync(join(root, KITS, 'prod_00')).sort()).toEqual([
      'admin@example.org',
      'researcher@example.org',
      'server.example.org',
      'site-1',
      'site-2',
    ]);
    const { answer } = await json('provision', '--generate');
    expect(answer).toMatchObject({ exit_code: 4, error_code: 'NF_PROJECT_EXISTS' });
  });

  it('makes new kits beside the old ones, and says what they are', async () => {
    const { code, stdout } = await run('provision', '-w', 'kits');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^name +role +org +expires +kit\n/);
    expect(stdout).toMatch(/^admin@example\.org +project_admin +university +\d{4}-\d\d-\d\d +kits.*prod_01/m);
    expect(stdout).toMatch(/^Fingerprint of the authority: [0-9a-f]{64}$/m);
  });

  it('adds a client and a user, by name or by file', async () => {
    const client = await json('provision', '-w', 'kits', '--add-client', 'site-7', '--org', 'hospital_g');
    expect((client.answer.data as Kits).kits).toMatchObject([{ name: 'site-7', type: 'client' }]);
    await writeFile(join(root, 'ann.yml'), 'name: ann@example.org\norg: university\nrole: lead\n');
    const user = await json('provision', '-w', 'kits', '--add-user', 'ann.yml');
    expect((user.answer.data as Kits).kits).toMatchObject([{ name: 'ann@example.org', role: 'lead' }]);
  });

  it.each([
    [['--add-client', 'site-8'], '--org is missing'],
    [['--add-client', 'site-8', '--org', 'x', '--role', 'lead'], '--role is for admins'],
    [['--add-user', 'bob@example.org', '--org', 'x'], '--role is missing'],
    [['--add-user', 'bob', '--org', 'x', '--role', 'lead'], "'bob' must be an e-mail address"],
    [['--add-user', 'ann.yml', '--org', 'x'], 'stand in the file'],
    [['--org', 'x'], 'go with --add-client'],
    [['--valid-days', '0'], 'valid-days'],
    [['--renew', 'site-1', '--generate'], 'generate'],
  ])('refuses %j', async (words, message) => {
    const { answer } = await json('provision', '-w', 'kits', ...words);
    expect(answer).toMatchObject({
      exit_code: 4,
      error_code: 'NF_USAGE',
      message: expect.stringContaining(message),
    });
  });

  it('shows the line of the project file that is wrong', async () => {
    const text = await readFile(join(root, 'project.yml'), 'utf8');
    await writeFile(join(root, 'wrong.yml'), text.replace('role: lead', 'role: leader'));
    const { code, stderr } = await run('provision', '-p', 'wrong.yml', '-w', 'wrong');
    expect(code).toBe(4);
    expect(stderr).toMatch(/wrong\.yml:\d+:11\n +\d+ \| +role: leader\n +\| +\^/);
    expect(existsSync(join(root, 'wrong'))).toBe(false);
  });

  it('renews in place and hands the site a file without a key', async () => {
    const { answer } = await json('provision', '-w', 'kits', '--renew', 'site-2', '--valid-days', '90');
    const { approval = '', kits } = answer.data as Kits;
    expect(kits[0]?.path).toMatch(/site-2$/);
    expect(await readFile(join(root, approval), 'utf8')).not.toContain('PRIVATE KEY');
    const inspected = await json('config', 'inspect', kits[0]?.path ?? '');
    expect(inspected.answer.data).toMatchObject({ faults: [], days_left: 89 });
  });
});

describe('provision --revoke', () => {
  it('writes the list and puts it into the kit of the server', async () => {
    await run('provision', '-w', 'left');
    const { code, stdout } = await run('provision', '-w', 'left', '--revoke', 'site-2');
    expect(code).toBe(0);
    expect(stdout).toContain(
      'Revoked site-2.\nPut into left/example_project/prod_00/server.example.org/local/crl.pem.',
    );
    expect(await readFile(join(root, 'left/example_project/state/crl.pem'), 'utf8')).toContain('X509 CRL');
    expect((await json('provision', '-w', 'left', '--renew', 'site-2')).answer).toMatchObject({
      error_code: 'NF_PARTICIPANT_REVOKED',
    });
  });
});

describe('provision --list-revoked', () => {
  it('dates the list anew, with who was revoked before, and puts it into the kit of the server', async () => {
    const [list, authority] = ['state/crl.pem', 'state/rootCA.pem'].map((name) =>
      join(root, 'left/example_project', name),
    ) as [string, string];
    const of = async () => readRevocations(await readFile(list, 'utf8'), await readFile(authority, 'utf8'));
    const before = await of();
    const { stdout } = await run('provision', '-w', 'left', '--list-revoked');
    expect(stdout).toContain('Dated the list of the revoked anew.\nPut into left/example_project/prod_00/');
    const after = await of();
    expect(after.serials).toEqual(before.serials);
    expect(after.serials.size).toBe(1);
    expect(after.at.getTime()).toBeGreaterThanOrEqual(before.at.getTime());
    expect(after.pem).not.toBe(before.pem);
  });
});

describe('cert and package', () => {
  it('make a kit whose key never left', async () => {
    const init = await json('cert', 'init', '-p', 'project.yml', '-w', 'apart');
    const { root_fingerprint: fingerprint } = init.answer.data as { root_fingerprint: string };
    const request = await run('cert', 'request', 'site-1', '--type', 'client', '--org', 'hospital_a');
    const told = /Fingerprint of the key.*: ([0-9a-f]{64})/.exec(request.stdout)?.[1] ?? '';
    await copyFile(join(root, 'site-1-request/request.json'), join(root, 'mail.json'));
    const approve = await json('cert', 'approve', 'mail.json', '-w', 'apart', '--fingerprint', told);
    const { approval } = approve.answer.data as { approval: string };
    const made = await run('package', approval, '--request', 'site-1-request', '--fingerprint', fingerprint);
    expect(made.stdout).toMatch(/^Made site-1, the kit of site-1, good until \d{4}-/);
    const { answer } = await json('config', 'inspect', 'site-1');
    expect(answer.data).toMatchObject({ name: 'site-1', org: 'hospital_a', type: 'client', faults: [] });
    const again = await json('cert', 'init', '-p', 'project.yml', '-w', 'apart');
    expect(again.answer).toMatchObject({ exit_code: 4, error_code: 'NF_CA_EXISTS' });
  });

  it('refuse a wrong fingerprint with 2', async () => {
    await run('cert', 'request', 'site-2', '--type', 'client', '--org', 'hospital_b', '--out', 'r2');
    const words = ['r2/request.json', '-w', 'kits', '--fingerprint', '00'.repeat(32)];
    expect((await json('cert', 'approve', ...words)).answer).toMatchObject({
      exit_code: 2,
      error_code: 'NF_FINGERPRINT_MISMATCH',
    });
  });
});

describe('config', () => {
  it('adds, uses, lists, inspects and removes', async () => {
    expect((await run('config', 'list')).stdout).toContain('No startup kits yet');
    expect((await json('config', 'inspect')).answer).toMatchObject({
      exit_code: 2,
      error_code: 'NF_CONFIG_NONE',
      nvflare_code: 'STARTUP_KIT_MISSING',
    });
    const added = await run('config', 'add', 'admin', `${KITS}/prod_00/admin@example.org`);
    expect(added.stdout).toBe('Added admin: admin@example.org, project_admin. It is in use.\n');
    await run('config', 'add', 'lead', `${KITS}/prod_00/researcher@example.org`);
    expect((await run('config', 'use', 'lead')).stdout).toBe('lead is in use.\n');
    const { stdout } = await run('config', 'list');
    expect(stdout).toMatch(/^ +admin +admin@example\.org +project_admin +example_project +\S+ +ok$/m);
    expect(stdout).toMatch(/^\* +lead /m);
    expect((await run('config', 'inspect')).stdout).toMatch(/^server +server\.example\.org:8002$/m);
    expect((await run('config', 'remove', 'lead')).stdout).toContain('No kit is in use now');
    expect((await json('config', 'use', 'amdin')).answer).toMatchObject({
      error_code: 'NF_CONFIG_UNKNOWN',
      message: expect.stringContaining("Did you mean 'admin'?"),
    });
  });

  it('warns 30 days ahead', async () => {
    await run('provision', '-w', 'brief', '--valid-days', '20');
    const { code, stdout } = await run('config', 'inspect', 'brief/example_project/prod_00/site-1');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Warning: The certificate ends in 19 days, on \d{4}.*--renew site-1/m);
  });

  it('ends with 1 for a kit that was changed, and names file and command', async () => {
    const kit = join(root, 'brief/example_project/prod_00/site-2');
    await appendFile(join(kit, 'startup/fed_client.json'), ' ');
    await chmod(join(kit, 'startup/client.key'), 0o644);
    const { code, stdout } = await run('config', 'inspect', kit);
    expect(code).toBe(1);
    expect(stdout).toContain('Fault: startup/fed_client.json was changed\n  mend: neuroflare provision');
    if (process.platform !== 'win32')
      expect(stdout).toContain(`chmod 600 ${join(kit, 'startup/client.key')}`);
    expect((await json('config', 'add', 'x', kit)).answer).toMatchObject({
      exit_code: 4,
      error_code: 'NF_KIT_FAULTY',
    });
  });
});
