import type { ErrorRow } from './row.ts';

/** A federation that runs on one machine. */
export const POC_ERRORS = {
  NF_POC_NONE: {
    exit: 4,
    message: 'No federation was prepared in {path}.',
    hint: "'neuroflare poc prepare' makes one; --workspace or NEUROFLARE_POC_WORKSPACE says where.",
  },
  NF_POC_FOREIGN: {
    exit: 4,
    message: '{path} is not a folder of your own: {reason}.',
    hint: 'Everybody on this machine may put something there. Give a folder of yours: --workspace, or NEUROFLARE_POC_WORKSPACE.',
  },
  NF_POC_EXISTS: {
    exit: 4,
    message: 'There is something in {path} already.',
    hint: "Go on with it ('neuroflare poc start'), replace it with --force, or remove it with 'neuroflare poc clean'.",
  },
  NF_POC_RUNS: {
    exit: 4,
    message: 'Still running: {names}.',
    hint: "Stop them first: 'neuroflare poc stop'.",
  },
  NF_POC_UNKNOWN: {
    exit: 4,
    message: "There is no '{name}' in this federation.{nearest}",
    hint: 'Give the server or a client, as `poc prepare` listed them.',
  },
  NF_POC_ENDED: {
    exit: 1,
    message: '{name} ended right after its start.',
    hint: 'The last lines of its log say why.',
  },
  NF_POC_TIMEOUT: {
    exit: 3,
    message: 'After {seconds} s these do not answer: {missing}.',
    hint: 'Look at {logs}, or wait longer with --timeout.',
  },
  NF_POC_NO_SERVER: {
    exit: 4,
    message: 'The server of this federation does not run.',
    hint: "Start it, too: 'neuroflare poc start' starts all that do not run. With --no-wait the clients wait for it.",
  },
} as const satisfies Record<string, ErrorRow>;
