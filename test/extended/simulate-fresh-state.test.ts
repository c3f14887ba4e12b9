import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { TINY_JOB, writeJob } from '../support/job-folder.ts';
import { finalModel, latestRun } from '../support/run-files.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();

/** Adds to the model how much it finds of earlier tasks, by every way it knows; prints which way led somewhere. */
const script = (head: string, ways: Readonly<Record<string, string>>) => `
import * as flare from 'neuroflare/client';
${head}
const ways: Record<string, () => unknown> = {
${Object.entries(ways)
  .map(([name, code]) => `  '${name}': async () => { ${code} },`)
  .join('\n')}
};
await flare.init();
while (await flare.isRunning()) {
  const input = await flare.receive();
  let found = 0;
  for (const [name, way] of Object.entries(ways)) {
    const before = Number(await way());
    if (before > 0) console.log('found', name, before);
    found += before;
  }
  const metrics = { accuracy: 1 };
  if (flare.isEvaluate()) { await flare.send({ metrics }); continue; }
  const params = Object.fromEntries(Object.entries(input.params).map(([name, array]) =>
    [name, { ...array, data: array.data.map((value: number) => value + found) }]));
  await flare.send({ params, metrics, numExamples: 1 });
}
`;

const counts = (holder: string) =>
  `const at = ${holder} as any; const n = Object.hasOwn(at, '$count') ? at.$count : 0; at.$count = n + 1; return n;`;

/** Within a thread. */
const WAYS = {
  globalThis: counts('globalThis'),
  'a symbol of globalThis':
    "const key = Symbol.for('count'); const at = globalThis as any; const n = at[key] ?? 0; at[key] = n + 1; return n;",
  'a prototype of the language': counts('Array.prototype'),
  'a class of the language': counts('Map'),
  'a namespace of the language': counts('Math'),
  'a hidden prototype': counts('Object.getPrototypeOf(async () => undefined)'),
  'the environment': 'const n = Number(process.env.COUNT ?? 0); process.env.COUNT = String(n + 1); return n;',
  process: counts('process'),
  'a function of the client API': counts('flare.receive'),
  'a part of Node.js': counts('path'),
  'the marks of performance':
    "const n = performance.getEntriesByName('count').length; performance.mark('count'); return n;",
  'a listener':
    "const n = process.listenerCount('count'); (process as any).on('count', () => undefined); return n;",
  'a timer':
    'const at = globalThis as any; setInterval(() => { at.$late = 1; }, 1).unref(); return at.$late ?? 0;',
  'a changed built-in':
    'const n = (JSON as any).parse === evil ? 1 : 0; (JSON as any).parse = evil; return n;',
  'a package of modules': 'return esm();',
  'a package of CommonJS': 'return cjs.next();',
};
/** Within a thread, where nobody looks; with a class that is loaded late the script goes to a process. */
const HIDDEN_WAYS = {
  'the prototype of iterator helpers': counts('Object.getPrototypeOf([].values().map((x: unknown) => x))'),
  'a class behind a getter': counts('crypto.subtle'),
  'a prototype of a class': counts('ReadableStream.prototype'),
  'a method': `try { ${counts('Array.prototype.map')} } catch { return 0; }`,
  'the last match': "const n = RegExp.$1 === 'count' ? 1 : 0; /(count)/.exec('count'); return n;",
};
const LATE_WAYS = {
  'a class that is loaded late': counts('Response'),
  'its prototype': counts('Headers.prototype'),
  'a function that loads it':
    "const made: any = (await fetch('data:,x')).constructor; const n = made.$late ?? 0; made.$late = n + 1; return n;",
};
/** In a thread, which is used again. */
const MODULE_WAYS = {
  'a module in a URL':
    "const { notes } = await import('data:text/javascript,export const notes = [];' as string); return notes.push(1) - 1;",
  'JSON in a URL':
    "const { default: notes } = await import('data:application/json,[]' as string, { with: { type: 'json' } }); return notes.push(1) - 1;",
};
/** In a thread, by what only a process may have. */
const URL_WAYS = {
  'a part of Node.js by a URL': `const { default: tls } = await import('data:text/javascript,import tls from "node:tls"; export default tls' as string); ${counts('tls')}`,
};
const HEAD = `import path from 'node:path';
import { next as esm } from 'counter-esm';
import cjs from 'counter-cjs';
const evil = (Object as any).assign;`;

/** Beyond a thread: these need a process. */
const FAR_WAYS = {
  'a file':
    "const n = existsSync('count') ? 1 : 0; mine += n; if (n === 0) writeFileSync('count', '1'); return 0;",
  'a module of Node.js': counts('fs'),
  'a temporary file':
    "const path = join(tmpdir(), 'neuroflare-count-' + flare.siteName()); const n = existsSync(path) ? 1 : 0; writeFileSync(path, ''); return 0 * n;",
  'the module system':
    "const require = createRequire(import.meta.url); return require('counter-cjs').next();",
  globalThis: counts('globalThis'),
};
const FAR_HEAD = `import fs, { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
let mine = 0;`;

async function writePackages(folder: string): Promise<void> {
  const packages = {
    'counter-esm': { type: 'module', code: 'let n = 0;\nexport const next = () => n++;\n' },
    'counter-cjs': { type: 'commonjs', code: 'let n = 0;\nexports.next = () => n++;\n' },
  };
  for (const [name, { type, code }] of Object.entries(packages)) {
    const at = join(folder, 'node_modules', name);
    await mkdir(at, { recursive: true });
    await writeFile(
      join(at, 'package.json'),
      JSON.stringify({ name, type, main: 'index.js', version: '1.0.0' }),
    );
    await writeFile(join(at, 'index.js'), code);
  }
}

async function run(job: string, threads: number, workspace = `work-${job}-${threads}`) {
  const result = await runCli(['simulate', job, '-w', workspace, '-t', String(threads)], { cwd: root });
  expect(result.code, result.stderr).toBe(0);
  const folder = latestRun(join(root, workspace), job);
  const log = ['site-1', 'site-2'].map((site) => textOf(join(folder, 'sites', site, 'log.txt')));
  return {
    folder,
    model: finalModel(folder),
    log: log.join('').replace(/^\S+Z (round \d+|final scoring): /gm, ''),
  };
}

const textOf = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

/** What was killed may still wait for its parent to take note. */
const runs = (pid: number) => /\) [^ZX]/.test(textOf(`/proc/${pid}/stat`));

beforeAll(async () => {
  const workflow = { ...TINY_JOB.workflow, num_rounds: 3 };
  await writeJob(join(root, 'plain'), { script: script('', {}), patch: { name: 'plain', workflow } });
  await writeJob(join(root, 'near'), { script: script(HEAD, WAYS), patch: { name: 'near', workflow } });
  for (const [name, ways] of Object.entries({
    hidden: HIDDEN_WAYS,
    late: LATE_WAYS,
    url: URL_WAYS,
    modules: MODULE_WAYS,
  }))
    await writeJob(join(root, name), { script: script('', ways), patch: { name, workflow } });
  await writeJob(join(root, 'far'), { script: script(FAR_HEAD, FAR_WAYS), patch: { name: 'far', workflow } });
  await writePackages(root);
});

describe('nothing but flare.saveState passes from task to task or from site to site', () => {
  it.each(['near', 'hidden', 'late', 'url', 'far'])(
    'in a script that tries (%s): the same bytes with any number of threads',
    async (job) => {
      const { model } = await run('plain', 1);
      for (const threads of [1, 2]) {
        const tried = await run(job, threads);
        expect(tried.log.match(/^found .*/gm) ?? []).toEqual([]);
        expect(tried.model).toEqual(model);
        expect(tried.log).toContain('neuroflare: the script leaves something behind (');
      }
    },
  );

  it('not by modules in a URL, in a thread that runs one task after another', async () => {
    const tried = await run('modules', 1);
    expect(tried.log.match(/^found .*/gm) ?? []).toEqual([]);
    expect(tried.model).toEqual((await run('plain', 1, 'work-plain-modules')).model);
  });

  it('not by files: each site of each run has an empty current folder', async () => {
    const keeps = `import * as flare from 'neuroflare/client';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
await flare.init();
const { params } = await flare.receive();
const before = existsSync('trained.txt') ? Number(readFileSync('trained.txt', 'utf8')) : 0;
writeFileSync('trained.txt', String(before + 1));
console.log('before', before);
if (flare.isEvaluate()) await flare.send({ metrics: { accuracy: 1 } });
else await flare.send({ params, metrics: { accuracy: 1 }, numExamples: 1 });
`;
    await writeJob(join(root, 'keeps'), { script: keeps, patch: { name: 'keeps' } });
    const first = await run('keeps', 1, 'work-keeps');
    expect(first.log.match(/before \d/g)).toEqual([
      'before 0',
      'before 1',
      'before 2',
      'before 0',
      'before 1',
      'before 2',
    ]);
    const second = await run('keeps', 2, 'work-keeps');
    expect(second.log).toBe(first.log);
    expect(existsSync(join(root, 'trained.txt'))).toBe(false);
    expect(readFileSync(join(second.folder, 'sites/site-1/home/trained.txt'), 'utf8')).toBe('3');
  });

  it('programs that a script has started end with the run, also those in a group of their own', async () => {
    const starts = `import * as flare from 'neuroflare/client';
import { spawn } from 'node:child_process';
await flare.init();
const { params } = await flare.receive();
for (const detached of [false, true]) console.log('pid', spawn('sleep', ['600'], { detached, stdio: 'ignore' }).pid);
if (flare.isEvaluate()) await flare.send({ metrics: { accuracy: 1 } });
else await flare.send({ params, metrics: { accuracy: 1 }, numExamples: 1 });
`;
    await writeJob(join(root, 'starts'), { script: starts, patch: { name: 'starts' } });
    const { log } = await run('starts', 2);
    const pids = [...log.matchAll(/pid (\d+)/g)].map(([, pid]) => Number(pid));
    expect(pids.length).toBeGreaterThanOrEqual(8);
    expect(pids.filter(runs)).toEqual([]);
  });
});
