import { faultPoint } from '../../../base/errors/fault-point.ts';
import type { Digests } from '../../../federation/reduce/reduce.ts';
import type { ReduceRequest } from '../../../federation/reduce/request.ts';
import type { WorkThread } from '../heavy-work/work-thread.ts';
import type { JobFolder } from '../state-folder.ts';
import { oneStep, STEP_NOTE } from './one-step.ts';
import type { SiteTraffic } from './site-traffic.ts';

interface ReduceDeps {
  readonly work: WorkThread;
  readonly folder: JobFolder;
  readonly traffic: SiteTraffic;
}

/** Makes a round's model beside the thread that serves requests. */
export async function reduceRound(
  request: ReduceRequest,
  { work, folder, traffic }: ReduceDeps,
): Promise<Digests> {
  const began = performance.now();
  const make = () => {
    faultPoint('round.reducing');
    return work.run('reduce', request);
  };
  const digests = await oneStep(folder.at(STEP_NOTE), "making a round's model of this job", make);
  traffic.aggregationSeconds += (performance.now() - began) / 1000;
  return digests;
}
