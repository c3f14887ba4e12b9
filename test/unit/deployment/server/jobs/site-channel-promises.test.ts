import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { atNextRing, Bell } from '../../../../../src/runtime/base/threads/bell.ts';
import { SiteChannel } from '../../../../../src/runtime/deployment/server/jobs/site-channel.ts';
import { SiteRegistry } from '../../../../../src/runtime/deployment/server/sites/site-registry.ts';
import { type SiteTask, siteOf } from '../../../../../src/runtime/federation/channel.ts';
import { describeChannel } from '../../../../conformance/channel.ts';
import { hello } from '../../../../support/raw-site.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';
import { workerSites } from '../../../../support/worker-sites.ts';

const root = tempFolder();
const SITES = ['site-1', 'site-2', 'site-3', 'site-4', 'site-5'];
const JOB = randomUUID();
/** Seconds; longer than any test. */
const TIMEOUT = 600;
const LOOK_MS = 1000;
let count = 0;

/** The server's channel with sites that hear of a new task, but not that one was taken back: what they say of it comes all the same. */
describeChannel('of a server', async ({ script }) => {
  const sites = await workerSites(join(root, String(count++)), { script });
  const { channel: local, folder, model } = sites;
  const registry = new SiteRegistry([]);
  const bell = new Bell();
  const end = new AbortController();
  const { signal } = end;
  for (const name of SITES) registry.open({ name, org: 'o' }, hello(randomUUID()), '127.0.0.1');
  const alive = setInterval(() => {
    for (const site of SITES) registry.renew(site, registry.get(site)?.id);
  }, LOOK_MS);

  const start = () =>
    new SiteChannel({
      job: JOB,
      registry,
      accepted: () => SITES,
      bell,
      verdictOn: () => 'late',
      onMove: () => undefined,
      deadEnd: () => undefined,
      siteTimeout: TIMEOUT,
      taskTimeout: TIMEOUT,
      bytesOf: () => ({ model: 1, files: 1 }),
      others: () => new Map(),
    });
  let channel = start();
  /** What each site is at. */
  const working = new Map<string, SiteTask>();
  local.listen(async (answer) => {
    const site = siteOf(answer);
    if (answer.type !== 'started' && working.get(site)?.id === answer.task) working.delete(site);
    return channel.deliver(answer);
  });
  const live = async (site: string): Promise<void> => {
    for (let done: SiteTask | undefined; !signal.aborted; ) {
      const task = channel.task(site);
      if (task && task !== done) {
        done = task;
        // One that goes on after a restart of the server is at it yet.
        if (working.get(site)?.round !== task.round) local.assign(task);
        working.set(site, task);
      }
      await registry.bell(site).wait(LOOK_MS / 1000, { isNews: atNextRing(), signal });
    }
  };
  const living = SITES.map(live);

  return {
    channel,
    folder,
    model,
    restart: async () => {
      channel.close();
      channel = start();
      return channel;
    },
    close: async () => {
      clearInterval(alive);
      end.abort();
      await Promise.all(living);
      channel.close();
      registry.stop();
      await sites.close();
    },
  };
});
