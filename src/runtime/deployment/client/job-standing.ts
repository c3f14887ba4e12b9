import type { ErrorReport, NeuroflareError } from '../../base/errors/errors.ts';
import type { Logger } from '../../base/logging/logger.ts';
import { fitReport } from '../../network/messages/fit-report.ts';
import type { SitePhase } from '../../network/messages/site.ts';
import { type KnownJob, shownName } from './consent/admission.ts';
import type { JobLog } from './memory/job-log.ts';

export interface StandingDeps {
  readonly id: string;
  readonly site: string;
  /** Of the job. */
  readonly log: JobLog;
  readonly logger: Logger;
  /** For people at the site. */
  readonly tell: (line: string) => void;
  /** Something to show has changed. */
  readonly onChange: () => void;
}

/** How a job stands at this site, and what is told of it: to people here, in its log, and to the server with each question. */
export class JobStanding {
  readonly log: JobLog;
  phase: SitePhase = 'offered';
  /** Id of the task that was begun last. */
  task: string | undefined;
  /** Whose it is and what is in it; undefined until its signature was checked. */
  known: KnownJob | undefined;
  /** What of this machine keeps it from going on. */
  trouble: ErrorReport | undefined;
  /** That have come of what is being fetched, each counted once: the sender does not see what waits on the line. */
  bytes = 0;
  readonly #deps: StandingDeps;

  constructor(deps: StandingDeps) {
    this.#deps = deps;
    this.log = deps.log;
  }

  setPhase(phase: SitePhase): void {
    this.phase = phase;
    this.#deps.onChange();
  }

  setKnown(known: KnownJob): void {
    this.known = known;
    this.#deps.onChange();
  }

  fetched(bytes: number): void {
    this.bytes += bytes;
  }

  /** For people at the site. */
  tell(what: string): void {
    this.#deps.tell(`${this.#name}: ${what}`);
  }

  /** Something kept here cannot be used: told where the job's lines stand, and to whoever runs the client. */
  note(trouble: NeuroflareError): void {
    const words = `${trouble.code}: ${trouble.message} ${trouble.hint}`;
    this.#deps.logger.warn({ job: this.#deps.id, ...trouble.report() }, 'a file of the job cannot be used');
    this.log.write('warn', words);
    this.tell(words);
  }

  /** What of this machine keeps the job from going on: told here once when it begins, and the server as long as it lasts. */
  setTrouble(error: NeuroflareError | undefined): void {
    const { tell, logger, site, id: job } = this.#deps;
    if (error?.message !== this.trouble?.message) {
      tell(error ? `${this.#name} waits for this machine: ${error.message}` : `${this.#name} goes on.`);
      if (error) logger.error({ job, ...error.report() }, 'the job waits for this machine');
    }
    this.trouble = error && fitReport({ ...error.report(), place: { ...error.place, site } });
  }

  get #name(): string {
    return shownName(this.#deps.id, this.known);
  }
}
