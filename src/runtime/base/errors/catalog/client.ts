import type { ErrorRow } from './row.ts';

/** What the client of a site takes, lets run and lets out, and what it keeps of it. */
export const CLIENT_ERRORS = {
  NF_SERVER_AUDIT: {
    exit: 1,
    message: 'The audit log of the server is not the one that this site knows: {reason}.',
    hint: 'Ask who runs the server: a backup may have been put back, or the log rewritten. `neuroflare audit verify LOG --root rootCA.pem --head {$path}` compares them; remove {path} to begin anew.',
  },
  NF_JOB_SIGNATURE: {
    exit: 2,
    status: 403,
    message: 'The signature of the job cannot be accepted: {reason}.',
    hint: 'Submit the job with the kit of an admin of this project.',
  },
  NF_JOB_EXPIRED: {
    exit: 4,
    status: 409,
    message: 'The job {job} was signed to be done by {date}.',
    hint: "Sign it anew: 'neuroflare job resume {$job}' once it has ended, or 'neuroflare job clone {$job}'; --valid-days says for how long a job is good.",
  },
  NF_JOB_TERMS: {
    exit: 2,
    status: 403,
    message: 'The job is another than the one that was signed: {reason}.',
    hint: 'Submit the job again, with the neuroflare version of the server and its sites.',
  },
  NF_JOB_SIGNATURE_OLD: {
    exit: 4,
    status: 409,
    message:
      'The job {job} was signed by neuroflare 0.1.0: its signature does not say what may be done with it.',
    hint: "Submit it again: 'neuroflare job submit FOLDER'.",
  },
  NF_JOB_OVER_HERE: {
    exit: 4,
    message: 'The job {job} is over at this site: {reason}.',
    hint: "It goes on when somebody resumes it ('neuroflare job resume {$job}'), or begins anew as another job ('neuroflare job clone {$job}').",
  },
  NF_TASK_NOT_SIGNED: {
    exit: 2,
    message: 'The task of round {round} is not of the job that was signed: {reason}.',
    hint: 'The site does not do it. Ask whoever runs the server why it asks for it; a job begins anew when it is submitted again.',
  },
  NF_REVOKED_LIST: {
    exit: 2,
    message: 'The list of revoked certificates cannot be taken: {reason}.',
    hint: "Have the coordinator run 'neuroflare provision --revoke' or copy state/crl.pem of the authority to local/crl.pem of the kit.",
  },
  NF_REVOKED_STALE: {
    exit: 1,
    message:
      'This site begins no job while its list of revoked certificates is older than {most} days (max_revocations_days): {reason}.',
    hint: "Have the coordinator run 'neuroflare provision --list-revoked': the job begins when the new list has come by the server, or lies in local/crl.pem of the kit when the client is started anew.",
  },
  NF_APPROVALS_INVALID: {
    exit: 4,
    message: 'The list of approved code {path} cannot be read: {reason}.',
    hint: "Move the file away and approve again with 'neuroflare client jobs approve'; until then no code counts as approved.",
  },
  NF_STOPPED_INVALID: {
    exit: 4,
    message: 'The list of stopped jobs {path} cannot be read: {reason}.',
    hint: 'Move the file away: the next start of the client makes it anew from the log of what people here have decided.',
  },
  NF_JOB_LIST_INVALID: {
    exit: 1,
    message: 'The list of the jobs at this site {path} cannot be read: {reason}.',
    hint: 'A client that runs writes it anew every few seconds: try again; else start the client.',
  },
  NF_WORK_FILE: {
    exit: 1,
    message: '{what} cannot be used: {path}: {reason}.',
    hint: '{mend}',
  },
  NF_WORK_LOST: {
    exit: 1,
    message: '{path} is not what was there: {reason}.',
    hint: 'Find out who or what changed the work folder. A copy of the file may be put back while the client is stopped; the client goes on without it.',
  },
  NF_SITE_NO_DATA: {
    exit: 1,
    message: 'The job {job} works on data, and the client of this site was started without any.',
    hint: "Start it with 'neuroflare client start KIT --data BIDS_FOLDER'.",
  },
  NF_SITE_REFUSES: {
    exit: 1,
    message: 'This site takes no jobs of {name} ({org}).',
    hint: 'Its owner says whose it takes under submitters in local/site-policy.yml.',
  },
  NF_SITE_CROSS_SITE: {
    exit: 1,
    message: "This site takes no job that gives its model to other sites, as '{job}' does.",
    hint: 'Ask the owner of the site, who allows it by cross_site_evaluation: true in local/site-policy.yml, or submit it without workflow.cross_site_evaluation.',
  },
  NF_SITE_ROLE: {
    exit: 1,
    message: 'This site takes no jobs that {name} ({org}) has signed, whose role is {role}.',
    hint: 'Have a lead or a project admin submit it. The owner of the site says whose it takes under submitter_roles in local/site-policy.yml.',
  },
  NF_SITE_STOPPED: {
    exit: 1,
    message: 'The job {job} was stopped at this site: {reason}.',
    hint: "It does not run here again. Ask the site; 'neuroflare job clone {$job}' submits it anew.",
  },
  NF_SITE_WITHDRAWN: {
    exit: 1,
    message: 'The site does not let the code {code} run any more.',
    hint: "Ask the site; there 'neuroflare client jobs approve KIT {$code}' lets it run again, in a job that is submitted anew.",
  },
  NF_SITE_APPROVAL: {
    exit: 1,
    message: 'The code {code} has not been approved at this site.',
    hint: "There: 'neuroflare client jobs list KIT' shows where to read it, 'neuroflare client jobs approve KIT {$code}' lets it run.",
  },
  NF_SITE_STATE_LOST: {
    exit: 1,
    message:
      'What was kept in an earlier round (flare.saveState, workflow.local_tensors) is not at this site any more: {reason}.',
    hint: 'Restore the work folder of the client from a copy, or submit the job again.',
  },
  NF_OPEN_TO_SCRIPTS: {
    exit: 4,
    message: 'The {what} {path} lies in {folder}, which the scripts of jobs may read.',
    hint: 'Move it elsewhere, or give --work and --data folders that lie beside each other: a kit holds keys, and the work folder the jobs of others.',
  },
  NF_JOB_USER: {
    exit: 4,
    message:
      'Job processes cannot run as user {uid}, which run_as of local/site-policy.yml asks for: {reason}.',
    hint: 'Start the client as root, with --work, --data and neuroflare itself in folders that this user can reach, or take run_as out.',
  },
  NF_JOB_WALLS: {
    exit: 4,
    message: 'local/site-policy.yml asks for network: namespace, and this machine gives none: {reason}.',
    hint: 'Let the client make namespaces (util-linux, user namespaces, no seccomp profile against them), or set network: none there, which takes sockets from scripts within their process.',
  },
  NF_SITE_FIGURES: {
    exit: 1,
    message: 'The figures of the script are more than this site lets out: {reason}.',
    hint: 'Send numbers, and fewer of them; the site decides by max_figures_kb, max_figures and figures_text of its local/site-policy.yml.',
  },
  NF_SITE_ANSWER: {
    exit: 1,
    message: 'The task failed at the site, and the server refused what the site said of it ({code}).',
    hint: "Ask the site for its log of the job ('neuroflare client jobs list' names its folder): it says what went wrong.",
  },
  NF_SITE_UPDATE: {
    exit: 1,
    message: 'What the script left as its model does not leave this site: {reason}.',
    hint: 'Send the model with flare.send(): its file then holds the arrays of the received model, and nothing else.',
  },
  NF_JOB_FILES_CHANGED: {
    exit: 1,
    message: "The job's files at this site are not those that were accepted.",
    hint: "Look who changed them in the client's work folder, then submit the job again.",
  },
  NF_EGRESS_NONE: {
    exit: 4,
    message: 'There is no egress ledger in {path}: no client has run there.',
    hint: "Give the kit of a site whose client has run ('neuroflare client start KIT'), or its --work folder.",
  },
  NF_APPROVE_UNKNOWN: {
    exit: 4,
    message: "'{which}' stands for no code here: {reason}. {waiting}",
    hint: "'neuroflare client jobs list KIT' shows what is here. Give the whole digest of the code, or the whole id of a job with --job; a whole digest may be approved before its job comes.",
  },
  NF_STOP_UNKNOWN: {
    exit: 4,
    message: "'{which}' is not the whole id of a job. {known}",
    hint: "'neuroflare client jobs list KIT' shows the jobs of this site.",
  },
} as const satisfies Record<string, ErrorRow>;
