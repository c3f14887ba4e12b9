import type { ErrorRow } from './row.ts';

/** Failures of `dashboard`. */
export const DASHBOARD_ERRORS = {
  NF_DASHBOARD_REFUSED: {
    exit: 4,
    status: 403,
    message: 'The dashboard does not answer this: {reason}.',
    hint: 'Open the address that it printed when it started, as it stands there, in a browser on the same machine.',
  },
  NF_DASHBOARD_UNKNOWN: {
    exit: 4,
    status: 404,
    message: 'The dashboard has nothing at this address.',
    hint: 'Load its page again.',
  },
  NF_DASHBOARD_SOURCE: {
    exit: 4,
    status: 404,
    message: "The dashboard shows no source '{source}'.",
    hint: 'Load its page again: it may have been started anew, with other flags.',
  },
  NF_DASHBOARD_JOB: {
    exit: 4,
    status: 404,
    message: "There is no '{job}' here.",
    hint: 'Go back to the list of jobs: it may have been removed since.',
  },
  NF_DASHBOARD_ASKED: {
    exit: 4,
    status: 400,
    message: 'The dashboard does not understand what its page asks: {reason}.',
    hint: 'Load the page again.',
  },
  NF_DASHBOARD_ACTION: {
    exit: 4,
    status: 400,
    message: "'{action}' cannot be done with a job of this kind.",
    hint: 'Load the page again: it shows what can be done.',
  },
  NF_DASHBOARD_ORIGINAL: {
    exit: 4,
    status: 409,
    message:
      'The job {job} was signed by {submitter}, and the page showed it as the job of {by}: it was not submitted again.',
    hint: "It may have been resumed by somebody else, or the server sends another job than it tells of. 'neuroflare job clone {$job}' shows what would be signed, and asks.",
  },
  NF_DASHBOARD_PACKAGE: {
    exit: 4,
    message: '{name}, which the page needs, is not there.',
    hint: 'Install neuroflare again.',
  },
} as const satisfies Record<string, ErrorRow>;
