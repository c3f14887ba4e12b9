import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeChannel } from '../../../conformance/channel.ts';
import { siteTaskOf } from '../../../support/site-tasks.ts';
import { tempFolder } from '../../../support/temp-folder.ts';
import { workerSites } from '../../../support/worker-sites.ts';

const root = tempFolder();
let count = 0;

const make = (script: string, patch: Record<string, unknown> = {}) =>
  workerSites(join(root, String(count++)), { script, patch });

describeChannel('of worker threads', ({ script }) => make(script));

describe('the channel of worker threads', () => {
  const once = async (script: string, patch?: Record<string, unknown>) => {
    const { channel, close, ...rest } = await make(script, patch);
    const answer = await new Promise((resolve) => {
      channel.listen(async (heard) => {
        if (/result|failure/.test(heard.type)) resolve(heard);
        return 'accepted';
      });
      channel.assign(siteTaskOf({ totalRounds: 1, seed: 1, model: rest.model }));
    });
    await close();
    return { answer, ...rest };
  };

  it('writes what a script prints to the log of its site', async () => {
    const { logs, folder } = await once(`
      console.log('hello %d', 5); console.error('oops'); process.stdout.write('raw\\n'); throw new Error('end');`);
    expect(logs.join('')).toBe('site-1: hello 5\nsite-1: oops\nsite-1: raw\n');
    const log = readFileSync(folder.at('sites/site-1/log.txt'), 'utf8');
    const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /gm;
    expect(log.match(TIME)).toHaveLength(3);
    expect(log.replace(TIME, '')).toBe('round 1: hello 5\nround 1: oops\nround 1: raw\n');
  });

  it('makes no log where nothing is printed', async () => {
    const { folder } = await once(`throw new Error('end');`);
    expect(existsSync(folder.at('sites/site-1/log.txt'))).toBe(false);
  });

  it('gives a script the arguments of its site', async () => {
    const script = `import * as flare from 'neuroflare/client';
      throw new Error(JSON.stringify([flare.args(), flare.siteName(), flare.jobName(), flare.isTrain()]));`;
    const { answer } = await once(script, { sites: { 'site-1': { args: { extra: [1] } } } });
    expect(answer).toMatchObject({
      error: { message: expect.stringContaining('[{"step":1,"extra":[1]},"site-1","tiny",true]') },
    });
  });

  it('names the line of the script that failed', async () => {
    const { answer } = await once(`await 0;\nthrow new Error('here');`);
    expect(answer).toMatchObject({ error: { place: { site: 'site-1', round: 1, line: 2 } } });
  });

  it('measures how long a task took, in seconds', async () => {
    const { answer } = await once(`import * as flare from 'neuroflare/client';
      const { params } = await flare.receive();
      await new Promise((resolve) => setTimeout(resolve, 60));
      await flare.send({ params });`);
    const { seconds } = (answer as { result: { seconds: number } }).result;
    expect(seconds).toBeGreaterThanOrEqual(0.05);
  });

  it('closes while tasks run', async () => {
    const { channel, close, model } = await make('while (true);');
    for (const site of ['site-1', 'site-2', 'site-3'])
      channel.assign(siteTaskOf({ site, totalRounds: 1, seed: 1, model }));
    await close();
  });
});
