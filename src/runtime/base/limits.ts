/** One thing that is bounded. */
export interface Limit {
  readonly most: number;
  readonly unit: string;
  /** What is counted, for docs and errors. */
  readonly what: string;
}

/** As `numExamples`: with less, products of weights and values lose their digits, and honest sites weigh nothing. */
export const LEAST_EXAMPLES = 1e-6;

/**
 * Of what one answer of a site says in numbers: where a script gives it, where its thread or process tells of it, and at the server. Sums
 * and means over 100,000 sites of numbers within these limits are finite. What leaves a site is bounded further by its own policy.
 */
export const ANSWER_LIMITS = {
  examples: {
    most: 1e12,
    unit: 'examples',
    what: `\`numExamples\`, the weight of an update, which is ${LEAST_EXAMPLES} at least`,
  },
  magnitude: { most: 1e100, unit: 'in size', what: 'a number in the figures (`metrics`)' },
  figures_kb: { most: 1000, unit: 'kB', what: 'the figures as JSON' },
  figure_name: { most: 200, unit: 'characters', what: 'the name of a figure' },
  names: { most: 500, unit: 'names', what: 'names of figures, also in maps of them' },
  depth: { most: 16, unit: 'levels', what: 'lists and maps of figures in one another' },
  values: { most: 100_000, unit: 'values', what: 'numbers, texts, lists and maps of the figures' },
} as const satisfies Record<string, Limit>;

/** Of requests to a server. */
export const REQUEST_LIMITS = {
  json_bytes: { most: 2_500_000, unit: 'bytes', what: 'a JSON body' },
  json_values: { most: 250_000, unit: 'values', what: 'numbers, texts, lists and objects of a JSON body' },
  json_seconds: { most: 30, unit: 's', what: 'from the beginning of a JSON body to its end' },
  events_bytes: {
    most: 4_000_000,
    unit: 'bytes',
    what: 'events of a job that are read for one answer, and one event at least; the others are asked for next',
  },
  event_figures: {
    most: 16_000,
    unit: 'bytes',
    what: "figures of an event as watchers of a job are given it, the key metric first; all are in the log among the job's files",
  },
  participant_bytes: {
    most: 16_000_000,
    unit: 'bytes',
    what: 'JSON bodies of a participant that come or wait for their answer at the same time; what is over it is refused as NF_AT_ONCE',
  },
  all_bytes: {
    most: 512_000_000,
    unit: 'bytes',
    what: 'JSON bodies of all participants that do so; what is over it is refused as NF_AT_ONCE',
  },
} as const satisfies Record<string, Limit>;

/** Of what a script says while its task runs: where it runs, and in a simulation. */
export const SCRIPT_LIMITS = {
  lines: {
    most: 10_000,
    unit: 'lines',
    what: 'in a second of the log of a job at a site; what is dropped is counted there',
  },
  line: { most: 10_000, unit: 'characters', what: 'a line of it; the rest is cut off' },
  file: { most: 20_000_000, unit: 'bytes', what: 'such a log, unless the site says otherwise' },
  message: {
    most: 1_000_000,
    unit: 'characters',
    what: 'a message of the process that runs scripts, but for results',
  },
  result: { most: 4_000_000, unit: 'characters', what: 'a result without its model, in its message' },
  connections: {
    most: 128,
    unit: 'processes',
    what: 'of a script in Python ask for tasks, or report, at the same time',
  },
} as const satisfies Record<string, Limit>;

/** Of what is under way at a server at the same time. */
export const AT_ONCE_LIMITS = {
  requests: {
    most: 16,
    unit: 'requests',
    what: 'requests of a participant over all its connections, but for files and questions that wait for news; others wait in the order they came',
  },
  more_requests: { most: 64, unit: 'requests', what: 'requests of a participant that wait for their turn' },
  large: { most: 2, unit: 'requests', what: 'lists of jobs, logs and the like, among them' },
  waits: { most: 32, unit: 'questions', what: 'questions of a participant that wait for news' },
  pipelined: {
    most: 16,
    unit: 'requests',
    what: 'requests in one connection that wait for the one before them; no more is read of it',
  },
  user_submissions: { most: 1, unit: 'submission', what: 'submissions of a user' },
  submissions: { most: 4, unit: 'submissions', what: 'submissions of all users' },
  downloads: {
    most: 16,
    unit: 'downloads',
    what: 'files on their way to a participant; one of which nothing is read for 20 s is ended',
  },
  answers: { most: 1, unit: 'answer', what: 'answers of a site to one job that are checked' },
  more_answers: {
    most: 4,
    unit: 'answers',
    what: 'answers of a site to one job that wait for the one that is checked',
  },
  user_logs: { most: 1, unit: 'question', what: 'questions of a user for the logs of a job' },
  logs: { most: 4, unit: 'questions', what: 'questions of all users for logs' },
} as const satisfies Record<string, Limit>;

/** Of the jobs of one user at a server. */
export const USER_LIMITS = {
  open_jobs: { most: 200, unit: 'jobs', what: 'jobs of a user that are not over' },
  job_bytes: {
    most: 10_000_000_000,
    unit: 'bytes',
    what: 'the bundles of all jobs of a user that are on the server, also of those that are over',
  },
} as const satisfies Record<string, Limit>;

/** Of jobs that are offered to sites. */
export const OFFER_LIMITS = {
  offered: { most: 10, unit: 'times max_jobs', what: 'jobs that are offered or run; the others wait' },
  counted_seconds: {
    most: 5,
    unit: 's',
    what: 'a job that only waits for answers of sites counts as one that runs (max_jobs)',
  },
  unanswered_hours: {
    most: 168,
    unit: 'h',
    what: 'a connected site may leave an offer without any answer; a job that waits for approval has one',
  },
  changes: {
    most: 20,
    unit: 'times',
    what: 'a site may change what it says of a job, since the server has had it; the next time counts as a refusal',
  },
} as const satisfies Record<string, Limit>;

/** Of the logs of a job at a server. */
export const LOG_LIMITS = {
  site_bytes: {
    most: 20_000_000,
    unit: 'bytes',
    what: 'lines of a site for one job; later ones are dropped',
  },
  site_lines: { most: 100_000, unit: 'lines', what: 'of a site for one job; later ones are dropped' },
  answer_bytes: { most: 8_000_000, unit: 'bytes', what: 'lines of one answer; the newest are in it' },
  question_bytes: { most: 100_000_000, unit: 'bytes', what: 'lines that are looked at for one answer' },
} as const satisfies Record<string, Limit>;

/** Of a task at a site. */
export const TASK_LIMITS = {
  beginnings: {
    most: 4,
    unit: 'times',
    what: 'a site may begin a task; from then on that it runs is no progress, and `site_timeout` ends its wait',
  },
  repeats: {
    most: 20,
    unit: 'times',
    what: 'a site begins the same task, whoever asks for it again, until its job is resumed',
  },
  personal_models: {
    most: 50,
    unit: 'models',
    what: 'of its own a site keeps of jobs that are over (`personal_models/`, workflow.local_tensors and personalize_rounds); the oldest go, whatever becomes of the jobs at the server',
  },
  personal_bytes: {
    most: 20_000_000_000,
    unit: 'bytes',
    what: 'these have together; the newest stays in any case',
  },
  transfers: {
    most: 4,
    unit: 'times',
    what: 'that the bytes of its model, and of its update, count as movement; what is carried beyond that keeps no round open',
  },
  state_bytes: {
    most: 20_000_000_000,
    unit: 'bytes',
    what: 'a script keeps for its next task (`flare.saveState`)',
  },
  harmonisation_bytes: {
    most: 20_000_000,
    unit: 'bytes',
    what: '`harmonisation.json`, which sites are given and a run keeps',
  },
  figures_kb: {
    most: 100_000,
    unit: 'kB',
    what: 'the figures of all answers of a site to one job as JSON, since the server has had it',
  },
  start_seconds: { most: 300, unit: 's', what: 'a machine has to begin a script' },
} as const satisfies Record<string, Limit>;

/** Of files on their way to a server. */
export const UPLOAD_LIMITS = {
  user_files: { most: 16, unit: 'files', what: 'a user has sent and submitted no job with' },
  user_models: { most: 2, unit: 'times max_model_gb', what: 'these files take up together' },
  all_models: {
    most: 10,
    unit: 'times max_model_gb',
    what: 'the files of all users take up together that no job was submitted with',
  },
  user_hours: { most: 24, unit: 'h', what: 'since the last byte of such a file; it is removed then' },
  at_once: { most: 3, unit: 'files', what: 'that a site sends for one job at the same time' },
  whole_per_task: {
    most: 3,
    unit: 'files',
    what: 'a site has sent whole for one task; one from each folder of a client',
  },
  spoilt_per_task: {
    most: 3,
    unit: 'files',
    what: 'of a task whose bytes were not what was announced; the site has failed then',
  },
} as const satisfies Record<string, Limit>;

/** Of the files of a data set: what is more is no table and no scan, and would take the machine's memory. */
export const DATA_LIMITS = {
  table_bytes: {
    most: 100_000_000,
    unit: 'bytes',
    what: 'a table, sidecar or map of labels; what stands in an image before its voxels',
  },
  picture_bytes: { most: 2 ** 28, unit: 'bytes', what: 'a JPEG or PNG file' },
  picture_pixels: { most: 2 ** 26, unit: 'pixels', what: 'a JPEG or PNG' },
  image_bytes: {
    most: 2 ** 30,
    unit: 'bytes',
    what: 'the file of a volume; its voxels as they are stored, and at four bytes each',
  },
  decoded_bytes: {
    most: 2 ** 31,
    unit: 'bytes',
    what: 'images that all threads of a process decode at the same time; others wait',
  },
} as const satisfies Record<string, Limit>;

/** Of connections that have not shown a certificate of the project. */
export const STRANGER_LIMITS = {
  idle_seconds: {
    most: 10,
    unit: 's',
    what: 'a connection may say nothing, or not finish its handshake, or ask nothing once it is refused',
  },
  idle_per_address: {
    most: 8,
    unit: 'connections',
    what: 'of one address that say nothing or have no certificate that is accepted; the oldest are closed',
  },
  idle: { most: 64, unit: 'connections', what: 'of all addresses together that do so' },
  handshakes_per_address: {
    most: 512,
    unit: 'connections',
    what: 'of one address in the middle of the handshake',
  },
} as const satisfies Record<string, Limit>;
