import Fastify, { type FastifyRequest } from 'fastify';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { flError } from '../../../../src/runtime/base/errors/errors.ts';
import type { App } from '../../../../src/runtime/deployment/server/app/app.ts';
import { noteRefusals } from '../../../../src/runtime/deployment/server/app/note-deed.ts';
import type { Deed } from '../../../../src/runtime/security/logs/audit-log.ts';
import { RepeatedDeeds } from '../../../../src/runtime/security/logs/repeated-deeds.ts';

let app: ReturnType<typeof Fastify>;
let deeds: Deed[];

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  deeds = [];
  app = Fastify();
  app.decorateRequest('identity');
  app.addHook('onRequest', async (request: FastifyRequest) => {
    request.identity = { name: String(request.headers.who), org: 'uni', type: 'admin', role: 'member' };
  });
  const audit = { append: async (deed: Deed) => void deeds.push(deed), close: async () => undefined };
  noteRefusals(app as unknown as App, { audit: audit as never, logger: { error: () => undefined } });
  app.post('/v1/jobs/:job/abort', async () => {
    throw flError('NF_ACCESS_DENIED', { name: 'mia', role: 'member', right: 'manage_job' });
  });
});
afterEach(async () => {
  vi.useRealTimers();
  await app.close();
});

const ask = (who: string, job: string) =>
  app.inject({ method: 'POST', url: `/v1/jobs/${job}/abort`, headers: { who } });

describe('refusals in the audit log', () => {
  it('are one line at once, and one for all that are equal within a minute', async () => {
    for (let times = 0; times < 50; times++) await ask('mia', 'a');
    await ask('lea', 'a');
    expect(deeds).toMatchObject([
      { actor: 'mia', job: 'a', outcome: 'refused', detail: 'NF_ACCESS_DENIED' },
      { actor: 'lea', job: 'a', detail: 'NF_ACCESS_DENIED' },
    ]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(deeds.slice(2)).toMatchObject([
      { actor: 'mia', job: 'a', detail: 'NF_ACCESS_DENIED: 49 times more within a minute' },
    ]);
    await ask('mia', 'a');
    expect(deeds).toHaveLength(4);
  });

  it('of other jobs each time are few lines, too', async () => {
    for (const job of ['a', 'b', 'c']) await ask('mia', job);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(deeds).toMatchObject([{ job: 'a' }, { detail: 'NF_ACCESS_DENIED: 2 times more within a minute' }]);
    expect(deeds[1]?.job).toBeUndefined();
  });

  it('that wait for their minute are written when the server ends', async () => {
    for (let times = 0; times < 3; times++) await ask('mia', 'a');
    await app.close();
    expect(deeds.map(({ detail }) => detail)).toEqual([
      'NF_ACCESS_DENIED',
      'NF_ACCESS_DENIED: 2 times more within a minute',
    ]);
  });
});

it('deeds that succeed again and again are one more line, too', async () => {
  const audit = { append: async (deed: Deed) => void deeds.push(deed) };
  const connects = new RepeatedDeeds({ audit: audit as never, logger: { error: () => undefined } });
  const connect = (site: string) =>
    connects.note(site, { actor: site, action: 'site.connect', site, outcome: 'done' });
  for (let times = 0; times < 662; times++) await connect('site-1');
  await connect('site-2');
  expect(deeds).toMatchObject([{ site: 'site-1' }, { site: 'site-2' }]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(deeds.slice(2)).toMatchObject([
    { site: 'site-1', action: 'site.connect', detail: '661 times more within a minute' },
  ]);
  await connects.close();
  expect(deeds).toHaveLength(3);
});
