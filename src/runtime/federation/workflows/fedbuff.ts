import { flError } from '../../base/errors/errors.ts';
import type { OptionsOf } from '../../job/workflow-options.ts';
import type { Payload } from '../../run/events.ts';
import type { Answer, Workflow } from '../workflow.ts';
import { scoreLast } from './rounds.ts';

interface Buffered {
  readonly answer: Answer;
  /** What its site began with. */
  readonly received: Payload;
  readonly weight: number;
}

/**
 * Federated learning with buffered asynchronous aggregation (Nguyen et al. 2022, FedBuff): the server steps whenever `buffer_size`
 * answers have come, and waits for no slower site. A difference that was made from a model of s steps ago counts 1 / sqrt(1 + s); one
 * of more than `max_staleness` counts for nothing. Sites whose answer has come begin again with the next model.
 */
export const fedBuff: Workflow<OptionsOf<'fedbuff'>> = {
  async run(federation, { numRounds, options }) {
    const { buffer_size: size, max_staleness: most, server_learning_rate: learningRate } = options;
    let global = federation.initial;
    const atWork = new Map<string, Payload>();
    for (let round = 1; round <= numRounds; round++) {
      const sites = await federation.members(round);
      const idle = sites.filter((site) => !atWork.has(site));
      if (sites.length < size) throw flError('NF_ROUND_MEMBERS', { reason: shortOf(size, sites.length) });
      for (const site of idle) {
        await federation.ask({ name: 'train', round, inputs: global }, site);
        atWork.set(site, global);
      }
      const buffer: Buffered[] = [];
      while (buffer.length < size) {
        const { site, round: asked, answer } = await federation.next();
        const received = atWork.get(site) ?? global;
        atWork.delete(site);
        const staleness = round - asked;
        if (!answer || staleness > most) continue;
        buffer.push({ answer, received, weight: 1 / (size * Math.sqrt(1 + staleness)) });
      }
      global = await federation.reduce({
        round,
        reducer: 'buffered',
        options: { learningRate },
        base: global,
        answers: buffer.map(({ answer }) => answer),
        received: buffer.map(({ received }) => received),
        weights: buffer.map(({ weight }) => weight),
      });
      await federation.publish(round, global);
    }
    await scoreLast(federation, { round: numRounds + 1, global });
    return global;
  },
};

function shortOf(size: number, sites: number): string {
  return `workflow.buffer_size is ${size}, and ${sites} can answer`;
}
