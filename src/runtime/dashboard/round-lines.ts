import { partsOfTask } from '../algorithms/task.ts';
import type { MetricReport } from '../base/logging/metrics.ts';
import type { AcceptedResult, EngineUse, RunEvent } from '../run/events.ts';
import type { RoundLine, SiteFigures } from './shown.ts';

/** A site may report figures by any name: more than so many of one report are not drawn. */
const MOST_FIGURES = 40;
const MOST_OF_NAME = 100;

/** What the events of a run add up to for those who watch it: its closed rounds, and who has answered in the round at hand. */
export class RoundLines {
  readonly engines = new Map<string, EngineUse>();
  /** The round at hand; undefined between rounds. */
  round: number | undefined;
  readonly members = new Set<string>();
  readonly answered = new Set<string>();
  readonly #results = new Map<string, AcceptedResult>();
  #begun: string | undefined;

  /** Returns the round that the event has closed. */
  take(event: RunEvent, time: string): RoundLine | undefined {
    switch (event.type) {
      case 'round.opened':
        this.#open(event, time);
        return undefined;
      case 'task.asked':
        this.members.add(partsOfTask(event.task).site);
        return undefined;
      case 'engine.used':
        this.engines.set(event.site, event.engine);
        return undefined;
      case 'result.accepted':
        this.#accept(event.task, event.result);
        return undefined;
      case 'result.dropped':
      case 'site.failed':
        this.answered.delete(partsOfTask(event.task).site);
        this.#results.delete(partsOfTask(event.task).site);
        return undefined;
      case 'round.closed':
        return this.#close(event, time);
      default:
        return undefined;
    }
  }

  #open({ round, sites }: RunEvent & { type: 'round.opened' }, time: string): void {
    if (this.round !== round) this.#clear();
    this.round = round;
    this.#begun ??= time;
    this.answered.clear();
    this.members.clear();
    for (const site of sites) this.members.add(site);
  }

  /** Of several answers of a site in a round, the last with figures; figures of a task about something else are of no global model. */
  #accept(task: string, result: AcceptedResult): void {
    this.answered.add(result.site);
    if (partsOfTask(task).about !== undefined) return;
    if (!this.#results.has(result.site) || Object.keys(result.metrics).length > 0)
      this.#results.set(result.site, result);
  }

  #close({ round, kind, metrics, notes }: RunEvent & { type: 'round.closed' }, time: string): RoundLine {
    const sites = [...this.#results].map(([site, result]): [string, SiteFigures] => [
      site,
      { figures: numbersOf(result.metrics), examples: result.numExamples, seconds: result.seconds },
    ]);
    const begun = this.#begun;
    this.#clear();
    return {
      round,
      kind,
      ended: time,
      seconds: begun === undefined ? null : Math.max(0, Date.parse(time) - Date.parse(begun)) / 1000,
      figures: numbersOf(metrics),
      sites: Object.fromEntries(sites),
      notes: notes ?? [],
    };
  }

  #clear(): void {
    this.round = undefined;
    this.#begun = undefined;
    this.#results.clear();
    this.members.clear();
    this.answered.clear();
  }
}

function numbersOf(metrics: MetricReport): Record<string, number> {
  const numbers = Object.entries(metrics).flatMap(([name, value]): [string, number][] =>
    typeof value === 'number' && Number.isFinite(value) ? [[name.slice(0, MOST_OF_NAME), value]] : [],
  );
  return Object.fromEntries(numbers.slice(0, MOST_FIGURES));
}
