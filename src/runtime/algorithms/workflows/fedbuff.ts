import { z } from 'zod';
import { flError } from '../../base/errors/errors.ts';
import { SERVER_LEARNING_RATE } from '../options.ts';
import { buffered } from '../reducers/buffered.ts';
import { scoreLast } from '../rounds.ts';
import { type Answer, declareWorkflow, type Payload } from '../workflow.ts';

const BUFFER_SIZE = 2;

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
export const workflow = declareWorkflow({
  summary:
    'asynchronous: the server steps from the first `buffer_size` answers, and waits for no slower site',
  source: 'Nguyen et al. 2022',
  options: {
    buffer_size: z
      .int()
      .min(1)
      .max(100_000)
      .default(BUFFER_SIZE)
      .describe('answers from which the server steps'),
    max_staleness: z
      .int()
      .min(0)
      .max(100_000)
      .default(10)
      .describe('steps of the server after which an answer counts for nothing'),
    ...SERVER_LEARNING_RATE,
  },
  without: {
    keys: ['mandatory_clients', 'clients_per_round', 'wait_time_after_min_received'],
    why: 'its server waits for buffer_size answers, whosever they are',
  },
  faults: ({ n_clients: clients, buffer_size: size = BUFFER_SIZE, max_staleness: staleness }) => {
    if (typeof clients !== 'number') return [];
    if (Number(size) > clients)
      return [{ key: 'buffer_size', message: 'is more than n_clients: a site is in the buffer once' }];
    if (clients > 1 || staleness !== 0) return [];
    return [
      { key: 'max_staleness', message: 'is 0 with one site, of which none is ever stale: take fedavg' },
    ];
  },
  reducers: [buffered],
  async run(federation, { numRounds, options }) {
    const { buffer_size: size, max_staleness: most, server_learning_rate: learningRate } = options;
    let global = federation.initial;
    const atWork = new Map<string, Payload>();
    for (let round = 1; round <= numRounds; round++) {
      const sites = await federation.members(round);
      if (sites.length < size) throw flError('NF_ROUND_MEMBERS', { reason: shortOf(size, sites.length) });
      const unasked = new Set(sites);
      const askIdle = async () => {
        for (const site of sites.filter((one) => unasked.has(one) && !atWork.has(one))) {
          unasked.delete(site);
          await federation.ask({ name: 'train', round, inputs: global }, site);
          atWork.set(site, global);
        }
      };
      await askIdle();
      const buffer: Buffered[] = [];
      while (buffer.length < size) {
        // Failures and stale answers have left too few: who came back to no task of this round yet is asked for one.
        if (buffer.length + atWork.size < size) await askIdle();
        const { site, round: asked, answer } = await federation.next();
        const received = atWork.get(site) ?? global;
        atWork.delete(site);
        const staleness = round - asked;
        if (!answer || staleness > most) continue;
        buffer.push({ answer, received, weight: 1 / (size * Math.sqrt(1 + staleness)) });
      }
      global = await federation.reduce({
        round,
        reducer: buffered,
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
});

function shortOf(size: number, sites: number): string {
  return `workflow.buffer_size is ${size}, and ${sites} can answer`;
}
