import type { ErrorRow } from './row.ts';

/** Sites of a simulation on other machines: the queue between them, and the workers. */
export const QUEUE_ERRORS = {
  NF_QUEUE_URL: {
    exit: 4,
    message: '{shown} is no address of a queue: {reason}.',
    hint: 'Give --queue redis://HOST:6379, or rediss:// with TLS; a password goes into NEUROFLARE_QUEUE_URL, where other users do not see it.',
  },
  NF_QUEUE_JOB: {
    exit: 4,
    message:
      'The sites of this job cannot be moved between workers: its Python script lives as long as the job.',
    hint: 'Write executor.launch_once: false into job.yaml, so that each task starts the script anew, or simulate on threads.',
  },
  NF_QUEUE_PACKAGES: {
    exit: 4,
    message: 'A queue needs packages that are not installed: {reason}.',
    hint: "Run 'npm install bullmq@6.7.0 ioredis@5.11.1' where neuroflare is installed (with -g if it is global).",
  },
  NF_QUEUE_UNREACHABLE: {
    exit: 2,
    message: 'The queue {shown} cannot be reached: {reason}.',
    hint: 'Start Valkey or Redis there (valkey-server, redis-server), or name the right host and port in --queue.',
  },
  NF_QUEUE_DENIED: {
    exit: 2,
    message: 'The queue {shown} does not let this user in: {reason}.',
    hint: 'Put user and password into NEUROFLARE_QUEUE_URL (redis://USER:PASSWORD@HOST:6379); the user needs all commands on keys that begin with neuroflare.',
  },
  NF_QUEUE_UNFIT: {
    exit: 2,
    message: 'The queue {shown} would not keep what it is given: {reason}.',
    hint: 'Use Valkey, or Redis 6.2 or later, with maxmemory-policy noeviction.',
  },
  NF_WORKER_NONE: {
    exit: 3,
    message: 'No worker came to the queue {shown} in {seconds|second|seconds}.',
    hint: "Start one on a machine that sees the run's folder: neuroflare worker start --queue {$shown}. Then go on with --resume.",
  },
  NF_WORKER_NONE_FIT: {
    exit: 3,
    message: 'No worker at the queue {shown} can take tasks of this run: {reasons}.',
    hint: 'Mend what is named, or start other workers, then go on with --resume.',
  },
  NF_WORKER_LOST: {
    exit: 1,
    message: 'Workers were lost while they ran this task, {times|time|times}.',
    hint: 'Look at the machines of the workers: memory that runs out ends a process without a word.',
  },
  NF_WORKER_FILES: {
    exit: 1,
    message: 'The worker {worker} and this machine do not see the same files in {path}: {reason}.',
    hint: 'The workspace must lie on a file system that all machines share, at the same absolute path.',
  },
  NF_WORKER_KEY: {
    exit: 1,
    message: "The run's key {path} is not to be trusted: {reason}.",
    hint: 'Workers run as the user who simulates; nobody else may read or write the key.',
  },
  NF_WORKER_DATA: {
    exit: 1,
    message: 'The worker {worker} has not the data of the run: {reason}.',
    hint: 'The data folder and the split must lie at the same absolute path on all machines.',
  },
  NF_WORKER_VERSION: {
    exit: 1,
    message: 'The worker {worker} is neuroflare {version}, and the run is of {wanted}.',
    hint: 'Install the same version everywhere: another one may compute other bits.',
  },
  NF_WORKER_CLASS: {
    exit: 1,
    message: 'The worker {worker} computes on {found}, and the run on {wanted}.',
    hint: 'Take machines with the same processor and engine; --mixed-hardware uses all, and bits then depend on who ran what.',
  },
  NF_WORKER_ORDER_FORGED: {
    exit: 1,
    message: 'An order in the queue is not of this run: {reason}.',
    hint: 'Somebody else writes to the queue: give it a password, and keep it off the network.',
  },
} as const satisfies Record<string, ErrorRow>;
