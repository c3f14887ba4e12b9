import type { ErrorRow } from './row.ts';

/** Ports, clocks and disks of a machine, and a federation that runs on one. */
export const MACHINE_ERRORS = {
  NF_PORT_TAKEN: {
    exit: 4,
    message: 'The port {port} on {host} is taken{holder}.',
    hint: 'Stop that program, or take another port: --port N for a trial, listening_port in project.yml for good.',
  },
  NF_PORT_DENIED: {
    exit: 4,
    message: 'Not allowed to listen on port {port}.',
    hint: 'Ports below 1024 belong to the system: take another one (listening_port in project.yml).',
  },
  NF_ADDRESS_FOREIGN: {
    exit: 4,
    message: 'This machine has no address {host} to listen on.',
    hint: 'Correct listening_host in project.yml; 0.0.0.0 listens on all addresses.',
  },
  NF_POC_NONE: {
    exit: 4,
    message: 'No federation was prepared in {path}.',
    hint: "'neuroflare poc prepare' makes one; --workspace or NEUROFLARE_POC_WORKSPACE says where.",
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
  NF_PREFLIGHT_IMAGES: {
    exit: 1,
    message: '{bad} of {images} cannot be read: {named}',
    hint: "Replace these files, or take their participants out of the split; 'neuroflare preprocess check' looks at every image.",
  },
  NF_CLOCK_APART: {
    exit: 1,
    message: 'The clocks of this machine and the server are {seconds} s apart.',
    hint: 'Set the clock (chrony, ntpd, w32time): certificates are judged by it.',
  },
  NF_DISK_SMALL: {
    exit: 1,
    message: 'Only {free} GB are free at {path}; {least} are needed at least.',
    hint: 'Free some space or choose another folder.',
  },
} as const satisfies Record<string, ErrorRow>;
