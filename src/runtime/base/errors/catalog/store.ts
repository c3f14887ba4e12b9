import type { ErrorRow } from './row.ts';

/** A server's database and its copies. */
export const STORE_ERRORS = {
  NF_STORE_DAMAGED: {
    exit: 1,
    message: 'The database {path} is damaged: {reason}.',
    hint: "Stop the server and restore its folder from a backup ('neuroflare server restore').",
  },
  NF_STORE_FACTS_LOST: {
    exit: 1,
    message:
      'The database {path} has lost what it had acknowledged: it knows of {found|fact|facts} of {noted}. It, or the .db-wal beside it, was damaged, removed or replaced by an older copy.',
    hint: "Nothing was changed. Restore the state folder from a backup ('neuroflare server restore'). Without one, 'neuroflare server start KIT --accept-loss' goes on without the last {lost}; a copy of what is there is kept in lost+found.",
  },
  NF_STORE_FACTS_UNREADABLE: {
    exit: 1,
    message: '{path} does not hold the number of facts in the database: it is damaged.',
    hint: "Nothing was changed. Look at the disk, and restore the state folder from a backup ('neuroflare server restore'); 'neuroflare server start KIT --accept-loss' goes on with what the database holds.",
  },
  NF_STORE_JOBS_LOST: {
    exit: 1,
    message:
      'The audit log {path} names jobs that the database does not know ({jobs}): the database is older than the log, or was damaged.',
    hint: "Nothing was changed. Restore the state folder from a backup ('neuroflare server restore'). Without one, 'neuroflare server start KIT --accept-loss' goes on without these jobs; their folders are kept in lost+found.",
  },
  NF_STORE_NEWER: {
    exit: 4,
    message: 'The database {path} has version {version}; this neuroflare knows {known}.',
    hint: 'Use the newer neuroflare that wrote it.',
  },
  NF_STORE_DISK: {
    exit: 1,
    status: 507,
    message: 'The disk of {path} answers with an error: {reason}.',
    hint: 'Look after the disk; what was acknowledged before is safe.',
  },
  NF_BACKUP_EXISTS: {
    exit: 4,
    message: 'There is something at {path} already.',
    hint: 'Give a new folder, or move this one away first.',
  },
  NF_BACKUP_BROKEN: {
    exit: 1,
    message: 'The backup {path} cannot be used: {reason}.',
    hint: 'Take another backup; this one is not whole.',
  },
  NF_BACKUP_MOVING: {
    exit: 1,
    message: 'The server changes its files faster than they can be copied.',
    hint: 'Try again at a quieter moment.',
  },
} as const satisfies Record<string, ErrorRow>;
