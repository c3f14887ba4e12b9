import type { ErrorRow } from './row.ts';

/** Ports, clocks and disks of a machine. */
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
