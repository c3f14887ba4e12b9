import { z } from 'zod';
import { flError } from '../../runtime/base/errors/errors.ts';
import { issueText } from '../../runtime/base/errors/issue-text.ts';
import type { SimulateOptions } from '../../runtime/deployment/simulator/simulate.ts';
import { ENGINE_CHOICES, type EngineChoice } from '../../runtime/job/engine-choice.ts';
import type { RunEvent } from '../../runtime/run/events.ts';

/** What `simulatorRun` takes besides the workspace: the flags of `neuroflare simulate`, and ears for what happens. */
export interface SimulatorOptions {
  /** Number of sites. */
  readonly nClients?: number;
  /** Names of the sites, in place of site-1, site-2, … */
  readonly clients?: readonly string[];
  /** Sites that run at the same time; default: one a core. */
  readonly threads?: number;
  /** GPU to use, e.g. `0`, or several, e.g. `0,1`; without a usable one the CPU is used, and the result's warnings say so. */
  readonly gpu?: string;
  /** Fail if no GPU can be used. */
  readonly requireGpu?: boolean;
  /** What computes; default: auto. */
  readonly engine?: EngineChoice;
  /** In place of the job's. */
  readonly seed?: number;
  /** BIDS folder, in place of the job's. */
  readonly data?: string;
  /** Go on with the newest run of this job, or with the one of an id. */
  readonly resume?: boolean | string;
  /** Ends the run; it can be resumed. */
  readonly signal?: AbortSignal;
  /** Called with everything that happens in the run, once it is true. */
  readonly onEvent?: (event: RunEvent) => void;
  /** Called with what scripts print; it is in the run's folder, too. */
  readonly onLog?: (site: string, text: string) => void;
}

const callback = z.custom<() => void>((value) => typeof value === 'function', 'must be a function');

/** What a program without types may get wrong. */
const schema = z.strictObject({
  nClients: z.int().min(1).optional(),
  clients: z.array(z.string()).min(1).optional(),
  threads: z.int().min(1).optional(),
  gpu: z.string().optional(),
  requireGpu: z.boolean().optional(),
  engine: z.enum(ENGINE_CHOICES).optional(),
  seed: z.int().optional(),
  data: z.string().optional(),
  resume: z.union([z.boolean(), z.string()]).optional(),
  signal: z.instanceof(AbortSignal).optional(),
  onEvent: callback.optional(),
  onLog: callback.optional(),
});

/** @throws NF_FEDJOB_OPTION */
export function checkSimulatorOptions(workspace: unknown, options: unknown): void {
  if (typeof workspace !== 'string' || workspace === '')
    throw flError('NF_FEDJOB_OPTION', { reason: 'the workspace must be the path of a folder' });
  const { error } = schema.safeParse(options);
  const [issue] = error?.issues ?? [];
  if (!issue) return;
  const where = issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
  throw flError('NF_FEDJOB_OPTION', { reason: `${where}${issueText(issue)}` });
}

/** Whatever a program gives as its reason, the run was stopped and can be resumed. */
function stopSignal(given: AbortSignal | undefined): AbortSignal {
  const stop = new AbortController();
  const end = () => stop.abort(flError('NF_INTERRUPTED', { signal: 'the program', hint: 'Resume the run.' }));
  if (given?.aborted) end();
  given?.addEventListener('abort', end, { once: true });
  return stop.signal;
}

export function toSimulateOptions(
  workspace: string,
  options: SimulatorOptions,
): Omit<SimulateOptions, 'job'> {
  const { nClients, clients, threads, gpu, requireGpu = false, engine = 'auto', resume, signal } = options;
  return {
    workspace,
    flags: { clients: nClients, siteNames: clients, seed: options.seed, dataRoot: options.data },
    overrides: [],
    // A program does not slip on a key.
    maxClients: Number.POSITIVE_INFINITY,
    threads,
    engine: { choice: engine, gpu, requireGpu },
    resume: resume === true ? 'latest' : resume || undefined,
    signal: stopSignal(signal),
    observe: options.onEvent ?? (() => undefined),
    onLog: options.onLog ?? (() => undefined),
  };
}
