import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileHashed } from '../../src/runtime/base/files/files.ts';
import { WorkerChannel } from '../../src/runtime/deployment/simulator/worker-channel.ts';
import type { Channel } from '../../src/runtime/federation/channel.ts';
import { rulesOf } from '../../src/runtime/federation/coordinator-rules.ts';
import { loadJob } from '../../src/runtime/job/load.ts';
import { planRun } from '../../src/runtime/job/plan.ts';
import type { RunFolder } from '../../src/runtime/run/run-folder.ts';
import type { ReceivedModel, SentModel } from '../../src/runtime/site/client-api/fl-model.ts';
import { Session } from '../../src/runtime/site/client-api/session.ts';
import type { Executor } from '../../src/runtime/site/executor/executor.ts';
import { fillContext } from '../../src/runtime/site/script/script-runner.ts';
import { type JobPatch, writeJob } from './job-folder.ts';

/** What a script does with a task: it may keep something with the session's `saveState`. */
export type Learn = (
  received: ReceivedModel,
  task: {
    readonly site: string;
    readonly round: number;
    readonly isEvaluate: boolean;
    readonly session: Session;
  },
) => SentModel;

/** The sites of a simulation, whose scripts are functions in this thread: all else of a site is what it is. */
export async function localSites(
  root: string,
  { patch, learn, clients = 3 }: { patch: JobPatch; learn: Learn; clients?: number },
) {
  const job = await writeJob(join(root, 'job'), { patch });
  const plan = planRun((await loadJob(job)).definition, { clients });
  const executor: Executor = {
    run: async ({ task, output }, { emit }) => {
      const session = new Session((await fillContext(task)).context);
      emit({ type: 'started' });
      const { site, currentRound: round, form } = task.context;
      const isEvaluate = Object.keys(form.answer).length === 0;
      session.send(learn(session.receive(), { site, round, isEvaluate, session }));
      if (!session.result) throw new Error('nothing was sent');
      const { files: sent, state, ...said } = session.result;
      const files: Record<string, string> = {};
      for (const [one, bytes] of Object.entries(sent))
        files[one] = await writeFileHashed(output.files[one] ?? '', bytes);
      const kept = state && { state: await writeFileHashed(output.state, state) };
      return { type: 'result', answer: { ...said, files, ...kept } };
    },
    close: async () => undefined,
  };
  const sitesIn = (folder: RunFolder): Channel => {
    for (const site of plan.sites) mkdirSync(folder.at(`sites/${site}`), { recursive: true });
    return new WorkerChannel({ executor, plan, folder, jobFolder: job, onLog: () => undefined });
  };
  return { sitesIn, rules: rulesOf(plan) };
}
