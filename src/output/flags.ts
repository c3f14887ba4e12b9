import { availableParallelism } from 'node:os';
import { Flags } from '@oclif/core';
import { ENGINE_CHOICES } from '../runtime/job/engine-choice.ts';
import { DEFAULT_WORKSPACE } from '../runtime/run/run-index.ts';

/** Flags that several commands take and that mean the same in each. */

/** `--workspace`, `-w`: where the runs are. */
export const workspaceFlag = Flags.string({
  char: 'w',
  default: DEFAULT_WORKSPACE,
  summary: 'folder of the runs',
});

/** `--set NAME=VALUE`, any number of times. */
export const setFlag = Flags.string({
  multiple: true,
  multipleNonGreedy: true,
  default: [],
  summary: 'NAME=VALUE, as in `job create`',
});

/** Which trained network is meant. */
export const modelFlags = {
  workspace: workspaceFlag,
  model: Flags.option({
    options: ['best', 'final'] as const,
    default: 'best',
    summary: 'model of a run: the best on validation images, or the last',
  })(),
  job: Flags.string({ summary: 'job that trained a model file outside a run' }),
};

/** `--jobs` of what goes through whole volumes. */
export const volumeJobsFlag = Flags.integer({
  char: 'j',
  default: Math.min(4, availableParallelism()),
  defaultHelp: async () => 'number of processors, at most 4',
  min: 1,
  max: 64,
  summary: 'threads; each holds one volume',
});

/** `--slices`: how volumes are shown to a network. */
export const slicesFlag = Flags.integer({
  min: 1,
  max: 64,
  default: 9,
  summary: 'axial slices of a volume, as in training',
});

/** `--no-mirror`: for networks that were trained without flipped pictures. */
export const mirrorFlag = Flags.boolean({
  default: true,
  allowNo: true,
  summary: 'average predictions over picture and mirror image, as in training',
});

/** `--queue`: the server that runs and workers meet at. */
export const queueFlag = Flags.string({
  env: 'NEUROFLARE_QUEUE_URL',
  noCacheDefault: true,
  summary: 'redis://HOST:PORT of Valkey or Redis; with a password better in NEUROFLARE_QUEUE_URL',
});

/** Where the sites of a simulation run. */
export const backendFlags = {
  backend: Flags.option({
    options: ['threads', 'queue'] as const,
    default: 'threads',
    summary: 'where the sites run: threads of this process, or workers at a queue',
  })(),
  queue: queueFlag,
  'mixed-hardware': Flags.boolean({
    summary: 'use workers of other processors and engines, too: bits then depend on who ran what',
  }),
  'wait-workers': Flags.integer({
    min: 1,
    default: 600,
    summary: 'seconds for which tasks wait for a worker',
  }),
};

/** Of a page that is served to this machine alone. */
export const pageFlags = {
  port: Flags.integer({
    min: 0,
    max: 65_535,
    default: 0,
    summary: 'port to listen on (default: a free one)',
  }),
  open: Flags.boolean({ default: true, allowNo: true, summary: 'open the page in a browser' }),
};

/** What computes. */
export const engineFlag = {
  engine: Flags.option({ options: ENGINE_CHOICES, default: 'auto', summary: 'what computes' })(),
  gpu: Flags.string({ summary: 'GPU to use, e.g. 0; without a usable one the CPU is used and said so' }),
};

export const PROXY_SUMMARY =
  'HTTP proxy on the way to the server, like http://proxy:3128; default: HTTPS_PROXY or ALL_PROXY, but for what NO_PROXY names';
