import type { ErrorRow } from './row.ts';

/** Servers, clients, admins, and what lies between them. */
export const NETWORK_ERRORS = {
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
  NF_SERVER_UNREACHABLE: {
    exit: 2,
    message: 'No server answers at {address}{through}: {reason}.',
    hint: "Start the server ('neuroflare server start KIT'), or look at the way to it with 'neuroflare preflight-check KIT'.",
  },
  NF_SERVER_UNTRUSTED: {
    exit: 2,
    message: 'The server at {address} is not the one this kit is for: {reason}.',
    hint: "Compare the fingerprints of the authority with 'neuroflare config inspect KIT' at both ends.",
  },
  NF_SERVER_NOT_TLS: {
    exit: 2,
    message: 'What listens at {address} does not speak TLS 1.3.',
    hint: 'Check host and port in the kit: a neuroflare server speaks TLS 1.3 only.',
  },
  NF_TLS_REFUSED: {
    exit: 2,
    message: 'The server at {address} refused the certificate of this kit: {reason}.',
    hint: "'neuroflare config inspect KIT' shows whose it is and when it ends; the coordinator renews it.",
  },
  NF_SERVER_SILENT: {
    exit: 3,
    message: 'The server at {address} does not answer in time{through}.',
    hint: 'Try again; if it stays so, look at the load and the log of the server.',
  },
  NF_CONNECTION_LOST: {
    exit: 2,
    message: 'The connection to {address} was lost.',
    hint: 'Try again; what was under way goes on where it stopped.',
  },
  NF_PROXY_REFUSED: {
    exit: 2,
    message: 'The proxy {proxy} does not let the connection through: {reason}.',
    hint: 'Ask its operator to allow CONNECT to the server, give another --proxy, or name the server in NO_PROXY where the straight way is open.',
  },
  NF_SERVER_ANSWER: {
    exit: 5,
    message: 'The server at {address} gave an answer that cannot be used: {reason}.',
    hint: 'Compare the versions with `neuroflare system version`.',
  },
  NF_SERVER_AUDIT: {
    exit: 1,
    message: 'The audit log of the server is not the one that this site knows: {reason}.',
    hint: 'Ask who runs the server: a backup may have been put back, or the log rewritten. `neuroflare audit verify LOG --root rootCA.pem --head {path}` compares them; remove {path} to begin anew.',
  },
  NF_SERVER_REFUSAL: {
    exit: 1,
    message: 'The server at {address} refused with what this version does not know: {reason}.',
    hint: 'Compare the versions with `neuroflare system version`.',
  },
  NF_TRANSFER_DIGEST: {
    exit: 1,
    message: 'What came for {path} is not what was asked for: {reason}.',
    hint: 'It is fetched again; if it happens again, the file at the sender or the line damages data.',
  },
  NF_JOB_SIGNATURE: {
    exit: 2,
    status: 403,
    message: 'The signature of the job cannot be accepted: {reason}.',
    hint: 'Submit the job with the kit of an admin of this project.',
  },
  NF_AUDIT_DAMAGED: {
    exit: 1,
    message: 'The log {path} cannot be gone on with: {reason}.',
    hint: "Look at it with 'neuroflare audit verify', keep it and its .head as evidence, and move both away to begin a new one.",
  },
  NF_JOB_EXPIRED: {
    exit: 4,
    status: 409,
    message: 'The job {job} was signed to be done by {date}.',
    hint: "Submit it again ('neuroflare job clone {job}'); --valid-days says for how long a job is good.",
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
    hint: "A job runs once. Submit it again: 'neuroflare job clone {job}'.",
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
  NF_SITE_TAKEN: {
    exit: 4,
    status: 409,
    message: 'Another client of {site} is connected, from {address}, since {since}.',
    hint: 'Stop the other one, or give this site a kit of its own.',
  },
  NF_SITE_DISABLED: {
    exit: 2,
    status: 403,
    message: '{site} is disabled at the server.',
    hint: "An admin lets it in again with 'neuroflare system enable-client {site}'.",
  },
  NF_SESSION_UNKNOWN: {
    exit: 2,
    status: 401,
    message: 'The server does not know this session of {site} (any more).',
    hint: 'The client registers again by itself.',
  },
  NF_SESSION_REPLACED: {
    exit: 4,
    status: 409,
    message: 'A newer client of {site} has taken the place of this one.',
    hint: 'Run one client a site.',
  },
  NF_JOB_ABORTED: {
    exit: 1,
    message: 'The job was aborted by {who}.',
    hint: "'neuroflare job clone' submits it again.",
  },
  NF_JOB_NOT_SCHEDULED: {
    exit: 1,
    message: 'The job cannot get the sites it needs: {reason}.',
    hint: "Look at the refusals in 'neuroflare job meta', then submit it again.",
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
    hint: "'neuroflare job clone' submits it again.",
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
  NF_CERT_REFUSED: {
    exit: 2,
    status: 403,
    message: 'The certificate that was shown is not accepted: {reason}.',
    hint: "'neuroflare config inspect KIT' shows whose it is and when it ends; the coordinator renews it.",
  },
  NF_PROTOCOL_VERSION: {
    exit: 4,
    status: 426,
    message: 'This server runs neuroflare {version} and speaks version {own} of its protocol, not {given}.',
    hint: "Install the server's version here ('npm install --global neuroflare@{version}') and try again; kits, policies and approvals stay as they are.",
  },
  NF_SERVER_OLDER: {
    exit: 4,
    message:
      'The server at {address} speaks an older version of the neuroflare protocol than version {own} of this one.',
    hint: "Have the server upgraded to the neuroflare version of this machine ('neuroflare --version'): its kit, jobs and studies stay as they are.",
  },
  NF_SERVER_BUSY: {
    exit: 2,
    status: 503,
    message: 'The server is stopping or starting.',
    hint: 'Try again in a few seconds.',
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
  NF_APPROVALS_INVALID: {
    exit: 4,
    message: 'The list of approved code {path} cannot be read.',
    hint: "Move the file away and approve again with 'neuroflare client jobs approve'.",
  },
  NF_STOPPED_INVALID: {
    exit: 4,
    message: 'The list of stopped jobs {path} cannot be read.',
    hint: "Mend the file, or move it away and stop again what is to be stopped with 'neuroflare client jobs stop'.",
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
  NF_SITE_STOPPED: {
    exit: 1,
    message: 'The job {job} was stopped at this site: {reason}.',
    hint: "It does not run here again. Ask the site; 'neuroflare job clone {job}' submits it anew.",
  },
  NF_SITE_WITHDRAWN: {
    exit: 1,
    message: 'The site does not let the code {code} run any more.',
    hint: "Ask the site; there 'neuroflare client jobs approve KIT {code}' lets it run again, in a job that is submitted anew.",
  },
  NF_SITE_APPROVAL: {
    exit: 1,
    message: 'The code {code} has not been approved at this site.',
    hint: "There: 'neuroflare client jobs list KIT' shows where to read it, 'neuroflare client jobs approve KIT {code}' lets it run.",
  },
  NF_SITE_STATE_LOST: {
    exit: 1,
    message: 'What the script kept in an earlier round (flare.saveState) is not at this site any more.',
    hint: 'Restore the work folder of the client from a copy, or submit the job again.',
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
  NF_SITE_PROCESS: {
    exit: 1,
    message: 'The process of the job was ended from outside {times|time|times} in one task (last: {signal}).',
    hint: "Look at the memory of the machine, at what ends processes there, and at the job's log at the site.",
  },
  NF_DOWNLOAD_EXISTS: {
    exit: 4,
    message: 'There is a file or folder at {path} already.',
    hint: 'Give another one with --output-dir, or replace it with --force.',
  },
  NF_JOB_WAIT_TIMEOUT: {
    exit: 3,
    message: 'After {seconds} s the job {job} is {status}.',
    hint: 'It goes on: wait again, or look at what it waits for with `neuroflare job meta`.',
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
  NF_AUDIT_NONE: {
    exit: 4,
    message: 'There is no log to verify at {path}.',
    hint: 'Give the folder of a kit whose server or client has run, or a log file and --root rootCA.pem.',
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
