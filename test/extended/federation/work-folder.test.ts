import { cp, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toNeuroflareError } from '../../../src/runtime/base/errors/errors.ts';
import type { Admin } from '../../../src/runtime/deployment/admin/admin.ts';
import { reportEgress } from '../../../src/runtime/deployment/client/ledger/egress-report.ts';
import { clientFolder } from '../../../src/runtime/deployment/client/memory/client-folder.ts';
import { FolderMemory } from '../../../src/runtime/deployment/client/memory/folder-memory.ts';
import { runClient } from '../../../src/runtime/deployment/client/run-client.ts';
import {
  approve,
  codeToApprove,
  folderOf,
  listSiteJobs,
  stop,
} from '../../../src/runtime/deployment/client/site-desk.ts';
import { readChainedLog, verifyChainedLog } from '../../../src/runtime/security/logs/chained-log.ts';
import { findLogs } from '../../../src/runtime/security/verify-logs.ts';
import { TINY_SCRIPT, writeJob } from '../../support/job-folder.ts';
import { LiveFederation, until } from '../../support/live-federation.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
const SITE = 'site-2';
const STOPPED = '0b6f0b1e-5a5e-4b8e-9d9a-3d7a2f1c4e5b';
let federation: LiveFederation;
let admin: Admin;
let count = 0;
/** The work folder of a site as a client leaves it that is killed in a job: code approved, another job stopped, one done. */
let killed = '';
/** The job that it was killed in. */
let open = '';
/** Folders of one site's kit, each with its own copy of `killed`. */
let kit = '';

beforeAll(async () => {
  federation = await LiveFederation.start(join(root, 'kits'));
  admin = await federation.admin();
  kit = federation.kits.kit(SITE);
  await federation.kits.changeFile(SITE, 'local/site-policy.yml', { 'code: any': 'code: approved' });
  const place = { kitDir: kit };
  await stop(place, STOPPED, 'never wanted');
  const first = await federation.submit(await writeJob(join(root, 'first')));
  await until(async () => (await admin.job(first)).sites[1]?.answer === 'waiting for approval');
  await approve(place, (await codeToApprove(place, { job: first })).code);
  await federation.wait(first);
  const script = TINY_SCRIPT.replace(
    'const noise',
    'await new Promise((go) => setTimeout(go, 60_000)); const noise',
  );
  open = await federation.submit(await writeJob(join(root, 'open'), { script }));
  await until(async () => (await admin.job(open)).sites[1]?.answer === 'waiting for approval');
  await approve(place, (await codeToApprove(place, { job: open })).code);
  const { attempts, process: running } = folderOf(place).job(open);
  await until(async () => (await isThere(attempts)) && (await isThere(running)));
  await until(async () => isThere(folderOf(place).serverAudit));
  killed = join(root, 'killed');
  await cp(folderOf(place).root, killed, { recursive: true });
  await rm(join(killed, 'client.lock'));
  // The process of the job is the other client's.
  await rm(join(killed, 'jobs', open, 'process'));
  await (await FolderMemory.open(clientFolder(killed))).memory.note();
  await federation.stop(SITE);
  await admin.abort(open);
}, 180_000);
afterAll(() => federation.close());

it("is the client's alone: others of the machine read no log, no list of jobs and no job", async () => {
  const { root: work, taken, jobs } = folderOf({ kitDir: kit });
  const paths = await readdir(work, { recursive: true });
  const modes = await Promise.all(
    ['', ...paths].map(async (path) => [path, (await stat(join(work, path))).mode] as const),
  );
  expect(modes.filter(([, mode]) => (mode & 0o007) !== 0).map(([path]) => path)).toEqual([]);
  const own = [
    work,
    jobs,
    ...paths.filter((path) => /^taken|log\.jsonl$/.test(path)).map((path) => join(work, path)),
  ];
  expect(own).toContain(taken);
  const ofGroup = await Promise.all(
    own.map(async (path) => [path, (await stat(path)).mode & 0o070] as const),
  );
  expect(ofGroup.filter(([, mode]) => mode !== 0)).toEqual([]);
});

const isThere = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Starts a client in a work folder up to where it would connect; what it told, and the code it ended with. */
async function start(workDir: string) {
  const said: string[] = [];
  const engine = { choice: 'cpu', gpu: undefined, requireGpu: false } as const;
  // What the machine lacks is none of the folder's.
  const tell = (line: string) => void (/^Less than site-policy\.yml/.test(line) || said.push(line));
  const end = await runClient({ kitDir: kit, workDir, engine, tell, signal: AbortSignal.abort() }).catch(
    (thrown: unknown) => {
      const error = toNeuroflareError(thrown);
      said.push(`${error.code}: ${error.message} ${error.hint}`);
      return error.code;
    },
  );
  return { end, said };
}

/** An answer, or how it failed. */
async function tried<Value>(work: () => Promise<Value>): Promise<{ value?: Value; code?: string }> {
  return work().then(
    (value) => ({ value }),
    (thrown: unknown) => ({ code: toNeuroflareError(thrown).code }),
  );
}

const DAMAGES: Record<string, (path: string) => Promise<unknown>> = {
  empty: (path) => truncate(path, 0),
  half: async (path) => truncate(path, Math.floor((await readFile(path)).length / 2)),
  'other JSON': (path) => writeFile(path, '[1, {"a": null}]'),
  'wrong types': async (path) =>
    writeFile(
      path,
      (await readFile(path, 'utf8')).replace(/:\s*("[^"]*"|\d+|\[)/, (all) =>
        all.endsWith('[') ? ': {}, "x": [' : ': false',
      ),
    ),
  removed: (path) => rm(path),
  'a folder in its place': async (path) => {
    await rm(path);
    await mkdir(path);
  },
};

/** Who notices that a file is gone or cannot be used: its name is in what they say. */
interface Row {
  /** Path in the work folder; `JOB` stands for the id of the job at hand. */
  readonly file: string;
  readonly start?: readonly string[] | 'all';
  readonly list?: readonly string[] | 'all';
  readonly verify?: readonly string[] | 'all';
}
const CHANGED = ['empty', 'half', 'other JSON', 'wrong types', 'a folder in its place'];

/** A start looks at the end of a log; a line in the middle is for `audit verify`. */
const ENDS = ['empty', 'half', 'other JSON', 'removed', 'a folder in its place'];

const ROWS: readonly Row[] = [
  { file: 'approvals.json', start: 'all', list: 'all' },
  { file: 'stopped.json', start: 'all', list: 'all' },
  { file: 'instance.json', start: 'all', list: CHANGED },
  { file: 'taken/JOB.json', start: 'all' },
  { file: 'audit.jsonl', start: ENDS, verify: 'all' },
  { file: 'audit.jsonl.head', start: 'all', verify: 'all' },
  { file: 'egress.jsonl', start: ENDS, verify: 'all' },
  { file: 'egress.jsonl.head', start: 'all', verify: 'all' },
  { file: 'approvals-audit.jsonl', start: 'all', list: 'all', verify: 'all' },
  { file: 'approvals-audit.jsonl.head', start: 'all', list: 'all', verify: 'all' },
  { file: 'egress-open.json', start: 'all', list: ['removed'] },
  { file: 'server-audit.head', start: 'all', list: ['removed'] },
  // Written anew by every client that runs.
  { file: 'jobs.json' },
];
/** Removed with what belongs to it. */
const PAIRS: readonly (readonly [what: string, files: readonly string[], said: string])[] = [
  ['the audit log', ['audit.jsonl', 'audit.jsonl.head'], 'audit.jsonl'],
  ['the ledger', ['egress.jsonl', 'egress.jsonl.head', 'egress-open.json'], 'egress.jsonl'],
  ['the log of decisions', ['approvals-audit.jsonl', 'approvals-audit.jsonl.head'], 'approvals-audit.jsonl'],
  [
    'all decisions',
    ['approvals-audit.jsonl', 'approvals-audit.jsonl.head', 'approvals.json', 'stopped.json'],
    'approvals.json',
  ],
  ['what it knows of jobs', ['taken'], 'taken'],
];
/**
 * Of a job at hand, told where its lines stand: see the next test. Or of no meaning: what is printed, locks, copies of what was damaged, and
 * code as it was approved, by which nothing is decided: it is shown beside the next version.
 */
const OTHERS = /^(log\.jsonl|.*\.lock|jobs\/.*|approved-code\/.*)$/;

const CASES = ROWS.flatMap((row) => Object.keys(DAMAGES).map((damage) => [row.file, damage, row] as const));

/** A copy of the kit's logs where `audit verify` looks for them. */
async function kitWith(work: string): Promise<string> {
  const copy = join(root, `kit-${count++}`);
  await cp(kit, copy, { recursive: true, filter: (path) => basename(path) !== 'work' });
  await cp(work, join(copy, 'work'), { recursive: true });
  return copy;
}

async function findingsOf(work: string): Promise<string> {
  const { paths, isSigned, ends } = await findLogs(await kitWith(work));
  const all = paths.map(async (path) => {
    const { findings } = await verifyChainedLog(path, isSigned, { knownEnd: ends.get(path) });
    return findings.map(({ problem }) => `${path} ${problem}`);
  });
  return (await Promise.all(all)).flat().join('\n');
}

const has = (told: readonly string[] | 'all' | undefined, damage: string) =>
  told === 'all' || (told?.includes(damage) ?? false);

async function damaged(
  files: readonly string[],
  damage: (path: string) => Promise<unknown>,
): Promise<string> {
  const work = join(root, `work-${count++}`);
  await cp(killed, work, { recursive: true });
  for (const file of files) await damage(join(work, file.replace('JOB', open)));
  return work;
}

const removed = (path: string) => rm(path, { recursive: true });

describe('the work folder of a client', () => {
  it('has no file that this table does not know', async () => {
    const entries = await readdir(killed, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name).slice(killed.length + 1));
    const known = ROWS.map(({ file }) => file.replace('JOB', open));
    expect(
      files.filter((file) => !known.includes(file) && !OTHERS.test(file) && !file.startsWith('taken/')),
    ).toEqual([]);
    expect(known.filter((file) => !files.includes(file))).toEqual([]);
  });

  it('that nobody has touched gives no cause to say anything', async () => {
    const work = await damaged([], removed);
    const place = { kitDir: kit, workDir: work };
    expect((await listSiteJobs(place)).troubles).toEqual([]);
    expect(await findingsOf(work)).toBe('');
    expect(await start(work)).toEqual({ end: 'shutdown', said: [] });
    expect(await start(work)).toEqual({ end: 'shutdown', said: [] });
    expect(await findingsOf(work)).toBe('');
  });

  it.each(CASES)('%s, %s: is said by name, and nobody is given a raw error', async (file, damage, row) => {
    const work = await damaged([file], DAMAGES[damage] ?? removed);
    const place = { kitDir: kit, workDir: work };
    const name = basename(file).replace('JOB', open);

    const list = await tried(() => listSiteJobs(place));
    expect(list.code ?? 'listed').not.toBe('NF_INTERNAL');
    const listed = `${list.code} ${list.value?.troubles.map(({ message }) => message).join('\n')}`;
    if (has(row.list, damage)) expect(listed).toContain(name.replace('.head', ''));
    expect((await tried(() => reportEgress(folderOf(place)))).code).not.toBe('NF_INTERNAL');
    if (file === 'jobs.json') {
      const code = await tried(() => codeToApprove(place, { job: open }));
      expect(code.code).toBe(damage === 'removed' ? 'NF_APPROVE_UNKNOWN' : code.code);
      expect(code.code).toMatch(/^NF_(APPROVE_UNKNOWN|JOB_LIST_INVALID|PATH_UNUSABLE)$/);
    }
    if (has(row.verify, damage)) {
      const verified = await tried(() => findingsOf(work));
      expect(verified.code ?? verified.value).toMatch(
        new RegExp(`${name.replace('.head', '')}|^NF_(?!INTERNAL)`),
      );
    }

    const { end, said } = await start(work);
    expect(end).toMatch(/^(shutdown|NF_(?!INTERNAL).*)$/);
    if (has(row.start, damage)) expect(said.join('\n')).toContain(name.replace('.head', ''));
    // What goes on is said once, and stands in the audit log.
    if (end !== 'shutdown') return;
    const again = await start(work);
    const isLasting = /approvals|stopped/.test(file);
    if (!isLasting) expect(again.said).toEqual([]);
    const lines: unknown[] = [];
    for await (const { action, detail } of readChainedLog(join(work, 'audit.jsonl')))
      if (action === 'work.lost') lines.push(detail);
    // The server's log is not this site's own.
    const isOwn = file !== 'server-audit.head';
    if (has(row.start, damage) && isOwn) expect(lines.join('\n')).toContain(name.replace('.head', ''));
  });

  it.each(PAIRS)(
    'of which %s is gone, and all that belongs to it, is not taken for a new one',
    async (_, files, name) => {
      const work = await damaged(files, removed);
      const { troubles } = await listSiteJobs({ kitDir: kit, workDir: work });
      expect(troubles.map(({ message }) => message).join('\n')).toContain(name);
      if (name.endsWith('.jsonl'))
        expect(await findingsOf(work)).toMatch(new RegExp(`${name}.* was seen before`));
      const { end, said } = await start(work);
      expect(end).toBe('shutdown');
      expect(said.join('\n')).toContain(name);
      expect((await start(work)).said.filter((line) => /is gone/.test(line))).toEqual([]);
    },
  );

  it('whose log is an older copy with its own end is not whole', async () => {
    const work = await damaged([], removed);
    await start(work);
    for (const name of ['audit.jsonl', 'audit.jsonl.head'])
      await cp(join(work, name), join(work, `${name}.old`));
    await rm(join(work, 'egress-open.json'));
    await start(work);
    for (const name of ['audit.jsonl', 'audit.jsonl.head'])
      await cp(join(work, `${name}.old`), join(work, name));
    expect(await findingsOf(work)).toMatch(
      /audit\.jsonl it ends at entry \d+, and entry \d+ of it was seen before/,
    );
    expect((await start(work)).said.join('\n')).toMatch(/audit\.jsonl .*had \d+ entries before/);
  });

  it('that came with a kit, lists in it and no log, is not taken for this own folder of the site', async () => {
    const work = join(root, `work-${count++}`);
    await mkdir(work);
    for (const name of ['approvals.json', 'stopped.json']) await cp(join(killed, name), join(work, name));
    const { approved } = JSON.parse(await readFile(join(work, 'approvals.json'), 'utf8'));
    expect(approved).toHaveLength(2);
    const place = { kitDir: kit, workDir: work };
    expect((await listSiteJobs(place)).approved).toEqual([]);
    const { end, said } = await start(work);
    expect(end).toBe('shutdown');
    expect(said.join('\n')).toMatch(/no client has run in it, and it holds approvals\.json, stopped\.json/);
    expect(said.join('\n')).toContain(approved[0].code_sha256);
    await start(work);
    expect((await listSiteJobs(place)).approved).toEqual([]);
    expect(await approve(place, approved[0].code_sha256)).toBe(true);
    expect((await listSiteJobs(place)).approved).toEqual([approved[0].code_sha256]);
  });

  it('whose log of approvals was changed approves nothing', async () => {
    const place = async (file: string) => ({
      kitDir: kit,
      workDir: await damaged([file], async (path) => {
        const text = await readFile(path, 'utf8');
        await writeFile(path, text.replace('code.approve', 'code.Approve'));
      }),
    });
    expect((await listSiteJobs(await place('audit.jsonl'))).approved).toHaveLength(2);
    expect((await listSiteJobs(await place('approvals-audit.jsonl'))).approved).toEqual([]);
  });

  it('says at each start what the policy of the site allows beyond the default', async () => {
    await federation.kits.changeFile(SITE, 'local/site-policy.yml', {
      'code: approved': 'code: any',
      'send_logs: false': 'send_logs: true',
    });
    const { said } = await start(await damaged([], removed));
    expect(said).toEqual([
      expect.stringMatching(/^site-policy\.yml allows more than the default: code: any \(default approved\)/),
      expect.stringMatching(/^site-policy\.yml allows more than the default: send_logs: true/),
    ]);
    await federation.kits.changeFile(SITE, 'local/site-policy.yml', {
      'code: any': 'code: approved',
      'send_logs: true': 'send_logs: false',
    });
  });

  it('without the list of stopped jobs has it back from the log at the next start, and without a job it took that job is over', async () => {
    const work = await damaged(['stopped.json', 'taken'], removed);
    await start(work);
    const { stopped } = JSON.parse(await readFile(join(work, 'stopped.json'), 'utf8'));
    expect(stopped).toMatchObject([{ job_id: STOPPED, reason: 'never wanted' }]);
    const taken = JSON.parse(await readFile(join(work, 'taken', `${open}.json`), 'utf8'));
    expect(taken).toMatchObject({ job_id: open, signed: 2, over: expect.any(String) });
  });
});
