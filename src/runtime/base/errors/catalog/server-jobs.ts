import type { ErrorRow } from './row.ts';

/** What a server says of jobs, their sites and studies. */
export const SERVER_JOBS_ERRORS = {
  NF_SUBMIT_TOKEN_CONFLICT: {
    exit: 4,
    status: 409,
    message: "The submit token '{token}' was used for another job: {job}.",
    hint: 'Give a new --submit-token for a new job.',
  },
  NF_JOB_UNKNOWN: {
    exit: 4,
    status: 404,
    message: 'The server has no job {job}.{nearest}',
    hint: "'neuroflare job list' lists the jobs you may see.",
  },
  NF_SITE_STALLED: {
    exit: 1,
    message: '{site} has had its task since {since}, and has not moved on with it for {seconds} s.',
    hint: "Look at the site's log and line; workflow.site_timeout of the job says how long is waited.",
  },
  NF_SITE_LOST: {
    exit: 1,
    message: '{site} has been gone for {seconds} s.',
    hint: 'A round goes on without it where min_clients and mandatory_clients of the job allow it, and its client takes part again once it runs; a job that waits longer has a larger workflow.site_timeout.',
  },
  NF_SITE_LEFT: {
    exit: 1,
    message: '{site} does not take part any more: {reason}',
    hint: 'It is the decision of the site: ask there. A job that is submitted again goes to it anew.',
  },
  NF_JOB_ABORTED: {
    exit: 1,
    message: 'The job was aborted by {who}.',
    hint: "'neuroflare job resume JOB' goes on with it, 'neuroflare job clone JOB' begins anew.",
  },
  NF_JOB_NOT_SCHEDULED: {
    exit: 1,
    message: 'The job cannot get the sites it needs: {reason}.',
    hint: "Look at the refusals in 'neuroflare job meta JOB'; once they are mended, 'neuroflare job resume JOB' goes on with it.",
  },
  NF_JOB_NOT_HERE: {
    exit: 4,
    status: 409,
    message: 'The job {job} is not one that {site} has.',
    hint: 'It has ended, or it was given to other sites; the client drops it by itself.',
  },
  NF_JOB_OVER: {
    exit: 4,
    status: 409,
    message: 'The job {job} is over: {status}.',
    hint: "'neuroflare job meta {$job}' shows how it ended; 'neuroflare job resume {$job}' goes on with one that did not complete.",
  },
  NF_JOB_DELETED: {
    exit: 4,
    status: 409,
    message: 'The job {job} was deleted: what was signed for it is not taken in again.',
    hint: "Submit its folder anew with 'neuroflare job submit': it is signed again, and has an id of its own.",
  },
  NF_JOB_STATS_NONE: {
    exit: 4,
    status: 404,
    message: 'Of the job {job} it is not known any more what it moved: neuroflare 0.1.0 did not keep it.',
    hint: "'neuroflare job meta' shows its figures, 'neuroflare job download' brings them.",
  },
  NF_JOB_COMPLETED: {
    exit: 4,
    status: 409,
    message: 'The job {job} is completed: there is nothing to go on with.',
    hint: "For more rounds, submit a job that begins with its model: 'neuroflare job download {$job}', then name the model in the job file (model.import, or model.initial_params).",
  },
  NF_JOB_CANNOT_RESUME: {
    exit: 4,
    status: 409,
    message: 'The job {job} cannot go on: {reason}.',
    hint: "Begin anew: 'neuroflare job clone {$job}', or submit its folder again.",
  },
  NF_JOB_NOT_OVER: {
    exit: 4,
    status: 409,
    message: 'The job {job} is not over: {status}.',
    hint: "Wait for it with 'neuroflare job wait', or stop it with 'neuroflare job abort'.",
  },
  NF_UPLOAD_MISSING: {
    exit: 1,
    status: 409,
    message: 'The file {sha256} is not at the server.',
    hint: 'Submit again: it is sent once more.',
  },
  NF_UPLOAD_OFFSET: {
    exit: 1,
    status: 409,
    message: 'The server has {have|byte|bytes} of {sha256}, not {given}.',
    hint: 'The sender asks where it is and goes on from there.',
  },
  NF_UPLOAD_TOO_LARGE: {
    exit: 1,
    status: 413,
    message: '{size|byte is|bytes are} more than the {limit} that can be an answer here.',
    hint: "Send the arrays of the received model, and nothing else; the server's limit is max_model_gb in local/resources.yml.",
  },
  NF_ACCESS_DENIED: {
    exit: 2,
    status: 403,
    message: '{name} ({role}) has no right to {right} here.',
    hint: "Ask the project's admin; the rights of each role are in local/authorization.yml of the server.",
  },
  NF_STUDY_UNKNOWN: {
    exit: 4,
    status: 404,
    message: "There is no study '{study}'.{nearest}",
    hint: "'neuroflare study list' lists the studies you belong to.",
  },
  NF_STUDY_EXISTS: {
    exit: 4,
    status: 409,
    message: "There is a study '{study}' already.",
    hint: "Take another name, or change the one that is there with 'neuroflare study add-site' and 'add-user'.",
  },
  NF_STUDY_FIXED: {
    exit: 4,
    status: 409,
    message: "The study '{study}' is always there, with all sites and users.",
    hint: "Make a study of your own with 'neuroflare study register NAME'.",
  },
  NF_TASK_LATE: {
    exit: 1,
    status: 409,
    message: '{site} has no task of round {round} (any more).',
    hint: 'The client asks for the present one by itself.',
  },
  NF_FILE_UNKNOWN: {
    exit: 4,
    status: 404,
    message: 'There is no file {path} here.',
    hint: "'neuroflare job download' brings those that are there.",
  },
  NF_RESULT_DAMAGED: {
    exit: 1,
    status: 410,
    message: 'Of the results of the job {job} these are not what the server wrote: {files}.',
    hint: "What is whole was brought. Restore the server's state folder from a backup ('neuroflare server restore'), then download with --force.",
  },
  NF_JOB_AMBIGUOUS: {
    exit: 4,
    status: 409,
    message: "'{job}' is the beginning of several jobs: {jobs}.",
    hint: 'Give more of the id.',
  },
  NF_SITE_UNKNOWN: {
    exit: 4,
    status: 404,
    message: "The server knows no site '{site}' here.{nearest}",
    hint: "'neuroflare system status' lists the sites, 'neuroflare study show' those of a study; a new site is known once its client has been here.",
  },
  NF_SITE_ABSENT: {
    exit: 1,
    status: 409,
    message: '{site} is not connected.{nearest}',
    hint: "'neuroflare system status' tells since when; it can be reached when its client runs.",
  },
  NF_SITE_APPROVAL_LATE: {
    exit: 1,
    message:
      '{site} had taken the job, and has waited for more than {seconds} s for somebody there to approve its code.',
    hint: "Ask the site; once its code is approved, 'neuroflare job resume {$job}' goes on with the job.",
  },
  NF_SITE_UNDECIDED: {
    exit: 1,
    message: '{site} has changed what it says of the job {changes}.',
    hint: 'Ask the site, and look at the log of its client.',
  },
  NF_RESULT_FIGURES_SUM: {
    exit: 1,
    message: 'The metrics of all answers of {site} to this job take more than {limit} kB as JSON.',
    hint: 'Send fewer or smaller figures a round; what is large stays at the site.',
  },
} as const satisfies Record<string, ErrorRow>;
