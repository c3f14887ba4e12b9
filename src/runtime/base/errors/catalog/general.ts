import type { ErrorRow } from './row.ts';

/** Failures that belong to no room in particular. */
export const GENERAL_ERRORS = {
  NF_INTERNAL: {
    exit: 5,
    message: 'Unexpected failure: {message}',
    hint: 'This is a bug in neuroflare. Run again with NEUROFLARE_DEBUG=1 and report the stack trace.',
  },
  NF_REPORTED_FAILURE: {
    exit: 1,
    message: '{message}',
    hint: '{hint}',
  },
  NF_USAGE: {
    exit: 4,
    message: '{message}',
    hint: 'Run the command with --help to see its arguments.',
  },
  NF_COMMAND_UNKNOWN: {
    exit: 4,
    message: "Unknown command '{command}'.{nearest}",
    hint: "Run 'neuroflare {topic}--help' to list the commands.",
  },
  NF_INTERRUPTED: {
    exit: 1,
    message: 'Stopped by {signal}.',
    hint: '{hint}',
  },
  NF_QUESTION_LEFT: {
    exit: 130,
    message: 'Not done.',
    hint: "Run the command again and answer 'y', or give --force.",
  },
  NF_NOT_CONFIRMED: {
    exit: 4,
    message: 'Not done: {question}',
    hint: 'Say yes when asked at a terminal, or give {flag}.',
  },
  NF_DISK_FULL: {
    exit: 1,
    message: 'No space left on the disk{where}.',
    hint: 'Free some space or choose another folder, then run the command again.',
  },
  NF_FILES_OPEN: {
    exit: 1,
    status: 503,
    message: 'Too many files and connections are open{where}.',
    hint: 'Raise the limit of the system (ulimit -n, LimitNOFILE), or end what else holds files open.',
  },
  NF_MEMORY_FULL: {
    exit: 1,
    status: 503,
    message: 'The machine has no memory left for this.',
    hint: 'End other programs, or use a machine with more memory.',
  },
  NF_PATH_DENIED: {
    exit: 4,
    message: 'Not allowed to {action} {path}.',
    hint: 'Check the permissions of the path, or choose another one.',
  },
  NF_PATH_UNUSABLE: {
    exit: 4,
    message: 'Cannot {action} {path}: {reason}.',
    hint: 'Give another path: one whose parents are folders, and a file where a file is meant.',
  },
  NF_PATH_LINK: {
    exit: 4,
    message: '{path} is a link: what is written and cleared away there would lie elsewhere on this machine.',
    hint: 'Look where it leads and whose it is, and remove the link. A folder elsewhere is named by an option: --work of a client, --state of a server, --out of a report.',
  },
  NF_PATH_BUSY: {
    exit: 4,
    message: '{what} is in use by process {pid}.',
    hint: 'Wait for that process to end, stop it, or work in another folder.',
  },
  NF_INPUT_LARGE: {
    exit: 4,
    message: '{path} has {bytes|byte|bytes}, and {most} are the most that is read of such a file.',
    hint: 'Look whether it is the file that is meant: docs/limits.md says how much is read of which files.',
  },
  NF_PATH_MISSING: {
    exit: 4,
    message: '{what} not found: {path}',
    hint: 'Check the path; relative paths start at the current folder.',
  },
} as const satisfies Record<string, ErrorRow>;
