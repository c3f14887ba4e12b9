import type { ErrorRow } from './row.ts';

/** Requests that a server cannot take. */
export const SERVER_REQUESTS_ERRORS = {
  NF_REQUEST_FORM: {
    exit: 4,
    status: 400,
    message: 'The server cannot use the request: {reason}.',
    hint: 'Correct the value it names; if that seems right, compare the versions with `neuroflare system version`.',
  },
  NF_REQUEST_TYPE: {
    exit: 4,
    status: 415,
    message: 'The server takes {wanted} here, not {given}.',
    hint: 'Send it with the right content-type; /openapi.json says what each route takes.',
  },
  NF_REQUEST_TOO_LARGE: {
    exit: 4,
    status: 413,
    message: 'The body of the request is larger than the {limit|byte|bytes} that are taken here.',
    hint: 'Send less; models travel apart from the job, in pieces.',
  },
  NF_REQUEST_RANGE: {
    exit: 4,
    status: 416,
    message: 'The file {path} has {size|byte|bytes}; there is nothing from byte {start} on.',
    hint: 'Ask from a byte that is there: what has come is all of it.',
  },
  NF_REQUEST_ADDRESS: {
    exit: 4,
    status: 414,
    message: 'The address of the request is too long, or a part of it.',
    hint: 'Give names and ids as the server wrote them.',
  },
  NF_REQUEST_HEADERS: {
    exit: 4,
    status: 431,
    message: 'The headers of the request are too long.',
    hint: 'Leave out those that are not needed; a proxy on the way may add some.',
  },
  NF_REQUEST_SLOW: {
    exit: 3,
    status: 408,
    message: 'The request did not come in time.',
    hint: 'Try again; look at the line to the server.',
  },
  NF_UPLOADS_FULL: {
    exit: 1,
    status: 409,
    message:
      'With this one, {files|more file|more files} of {whose} that no job was submitted with would take up {bytes|byte|bytes} at the server; {room} are the most.',
    hint: 'Submit the jobs they are for, or wait: they are removed {hours} h after their last byte.',
  },
  NF_UPLOAD_TWICE: {
    exit: 1,
    status: 409,
    message: '{site} has sent a whole update for round {round} already: {sha256}.',
    hint: 'Answer the task with that one; another is taken only from a client whose work folder is a new one.',
  },
  NF_UPLOAD_SPOILT: {
    exit: 1,
    status: 409,
    message: '{site} has sent {count|file|files} for round {round} whose bytes were not what it announced.',
    hint: 'Look at the script and the disk of the site.',
  },
  NF_SITE_LEFT_STUDY: {
    exit: 1,
    message: '{site} is not in the study {study} any more.',
    hint: "'neuroflare study add-site' brings it back; it takes part in jobs that are submitted after that.",
  },
  NF_ROUTE_UNKNOWN: {
    exit: 4,
    status: 404,
    message: 'The server has nothing at {method} {path}.',
    hint: 'Compare the versions with `neuroflare system version`; /openapi.json lists what there is.',
  },
  NF_METHOD_UNKNOWN: {
    exit: 4,
    status: 405,
    message: 'The server takes {allowed} at {path}, not {method}.',
    hint: 'Compare the versions with `neuroflare system version`; /openapi.json lists what there is.',
  },
  NF_OFFER_UNANSWERED: {
    exit: 1,
    message: '{site} is connected and has not answered the offer of this job; it counts as refused.',
    hint: "Look at the client of the site and its log; docs/limits.md says how long an offer stands. 'neuroflare job resume JOB' offers it anew.",
  },
  NF_JOBS_FULL: {
    exit: 2,
    status: 429,
    message: '{name} has {count} of these on the server, and {limit} are the most: {what}.',
    hint: "Wait until jobs are over, or remove some of {name} with 'neuroflare job delete JOB'; docs/limits.md lists what a server takes.",
  },
  NF_AT_ONCE: {
    exit: 2,
    status: 429,
    message: 'Too much at a time: the server takes {limit} of these from {who}: {what}.',
    hint: 'Try again when what is under way is over; docs/limits.md lists what a server takes.',
  },
  NF_RATE_LIMIT: {
    exit: 2,
    status: 429,
    message: '{name} sent more than {limit|request|requests} in a minute.',
    hint: 'Wait a minute; the limit is requests_per_minute in local/resources.yml of the server.',
  },
} as const satisfies Record<string, ErrorRow>;
