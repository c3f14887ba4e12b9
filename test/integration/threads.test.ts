import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type SimulateOptions, simulate } from '../../src/runtime/deployment/simulator/simulate.ts';
import type { RunEvent } from '../../src/runtime/run/events.ts';
import { TINY_SCRIPT, writeJob } from '../support/job-folder.ts';
import { finalModel, leftovers } from '../support/run-files.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

/** Runs a job in this process, its sites in threads. */
async function run(script: string, options: Partial<SimulateOptions> = {}) {
  const job = await writeJob(join(root, `job-${count++}`), { script });
  const events: RunEvent[] = [];
  const summary = simulate({
    job,
    workspace: join(root, `work-${count}`),
    flags: { clients: 3 },
    overrides: [],
    maxClients: 1000,
    threads: 1,
    engine: { choice: 'auto', gpu: undefined, requireGpu: false },
    observe: (event) => events.push(event),
    onLog: () => undefined,
    signal: new AbortController().signal,
    ...options,
  });
  return { summary, events, workspace: join(root, `work-${count}`) };
}

describe('sites that share a thread', () => {
  it('do not answer for what another site left behind', async () => {
    const script = TINY_SCRIPT.replace(
      'const { params }',
      `if (flare.siteName() === 'site-1') setTimeout(() => { throw new Error('too late'); }, 400);
  else await new Promise((resolve) => setTimeout(resolve, 300));
  const { params }`,
    );
    const { summary } = await run(script);
    expect(await summary).toMatchObject({ status: 'finished', failures: [] });
  });

  it('do not write into the log of another site', async () => {
    const script = TINY_SCRIPT.replace(
      'const { params }',
      `if (flare.siteName() === 'site-1') setTimeout(() => console.log('too late'), 400);
  else await new Promise((resolve) => setTimeout(resolve, 300));
  console.log('in time');
  const { params }`,
    );
    const lines: string[] = [];
    const { summary } = await run(script, { onLog: (site, text) => lines.push(`${site} ${text.trim()}`) });
    await summary;
    const notes = lines.filter((line) =>
      line.includes('neuroflare: the script leaves something behind (a Timeout'),
    );
    expect(notes).toHaveLength(1);
    expect(new Set(lines.filter((line) => !notes.includes(line)))).toEqual(
      new Set(['site-1 in time', 'site-2 in time', 'site-3 in time']),
    );
  });

  it('have left nothing behind where the last thing that they did was to look at a file', async () => {
    const script = `import { stat } from 'node:fs/promises';\n${TINY_SCRIPT}\nawait stat('.');\n`;
    const lines: string[] = [];
    const { summary } = await run(script, { onLog: (site, text) => lines.push(`${site} ${text.trim()}`) });
    expect(await summary).toMatchObject({ status: 'finished' });
    expect(lines.filter((line) => line.includes('leaves something behind'))).toEqual([]);
  });

  it('have the same numbers, many of them on two threads', async () => {
    const [one, two] = [
      await run(TINY_SCRIPT, { flags: { clients: 40 } }),
      await run(TINY_SCRIPT, { flags: { clients: 40 }, threads: 2 }),
    ];
    const [first, second] = [await one.summary, await two.summary];
    expect(finalModel(second.run_folder)).toEqual(finalModel(first.run_folder));
    expect(first.sites).toHaveLength(40);
  });
});

describe('a run that ends early', () => {
  it('leaves no thread and no half-written file', async () => {
    const stop = new AbortController();
    const { summary, workspace } = await run('while (true);', { threads: 2, signal: stop.signal });
    setTimeout(() => stop.abort(new Error('enough')), 150);
    await expect(summary).rejects.toThrow('enough');
    expect(leftovers(workspace)).toEqual([]);
  });

  it('clears away what a crash before it left', async () => {
    const stop = new AbortController();
    const { summary, workspace } = await run(TINY_SCRIPT, {
      signal: stop.signal,
      onOpen: ({ folder }) => {
        writeFileSync(folder.at('models/round-0001.safetensors.77-00ff00ff.tmp'), 'half');
        stop.abort(new Error('enough'));
      },
    });
    await expect(summary).rejects.toThrow('enough');
    expect(leftovers(workspace)).toEqual([]);
  });
});
