import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { JobStatus } from '../../network/messages/admin.ts';

/** What a server counts, for Prometheus. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests = new Histogram({
    name: 'neuroflare_http_request_seconds',
    help: 'Time of requests by route; questions for work are held open on purpose.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [this.#registry],
  });
  readonly #bytes = new Counter({
    name: 'neuroflare_model_bytes_total',
    help: 'Bytes of models and updates, by site and direction.',
    labelNames: ['site', 'direction'],
    registers: [this.#registry],
  });
  readonly #rounds = new Histogram({
    name: 'neuroflare_round_seconds',
    help: 'Time from the opening of a round to its close.',
    buckets: [0.1, 0.5, 2, 10, 60, 300, 1800, 7200],
    registers: [this.#registry],
  });
  readonly #finished = new Counter({
    name: 'neuroflare_jobs_finished_total',
    help: 'Jobs that ended, by status.',
    labelNames: ['status'],
    registers: [this.#registry],
  });

  readonly #strangers = new Counter({
    name: 'neuroflare_strangers_closed_total',
    help: 'Connections without a certificate of the project that were closed: too many, or too old.',
    labelNames: ['why'],
    registers: [this.#registry],
  });

  constructor(counts: { sites: () => number; running: () => number; waiting: () => number }) {
    collectDefaultMetrics({ register: this.#registry });
    this.#gauge('neuroflare_sites_connected', 'Sites that hold a lease.', counts.sites);
    this.#gauge('neuroflare_jobs_running', 'Jobs that are offered or run.', counts.running);
    this.#gauge('neuroflare_jobs_waiting', 'Jobs that wait for sites or for a place.', counts.waiting);
  }

  request(labels: { method: string; route: string; status: number }, seconds: number): void {
    this.#requests.observe(labels, seconds);
  }

  modelBytes(site: string, direction: 'in' | 'out', bytes: number): void {
    this.#bytes.inc({ site, direction }, bytes);
  }

  round(seconds: number): void {
    this.#rounds.observe(seconds);
  }

  finished(status: JobStatus): void {
    this.#finished.inc({ status });
  }

  stranger(why: string): void {
    this.#strangers.inc({ why });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Without the figures of sites that are not the asker's. */
  async text(maySee: (site: string) => boolean): Promise<string> {
    const lines = (await this.#registry.metrics()).split('\n');
    const isSeen = (line: string) => {
      const site = /^[^#{]*\{(?:[^}]*,)?site="([^"]*)"/.exec(line)?.[1];
      return site === undefined || maySee(site);
    };
    return lines.filter(isSeen).join('\n');
  }

  #gauge(name: string, help: string, value: () => number): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect: () => gauge.set(value()),
    });
  }
}
