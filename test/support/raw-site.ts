import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { partsOfTask } from '../../src/runtime/algorithms/task.ts';
import { sha256 } from '../../src/runtime/base/digest.ts';
import type { ParamSet } from '../../src/runtime/base/tensors/nd-array.ts';
import { decodeSafetensors, encodeSafetensors } from '../../src/runtime/base/tensors/safetensors.ts';
import { HEADER } from '../../src/runtime/network/messages/protocol.ts';
import {
  type AssignedTask,
  type Assignment,
  assignment,
  sessionAnswer,
  verdictAnswer,
} from '../../src/runtime/network/messages/site.ts';
import { Connection } from '../../src/runtime/network/transfer/connection.ts';
import { openKit } from '../../src/runtime/security/kit/open.ts';
import { LIMITS } from './limits.ts';
import type { LiveKits } from './live-federation.ts';

const anything = z.unknown();

/** A site that says what the test wants it to say: the protocol by hand, with a real certificate. */
export class RawSite {
  readonly name: string;
  readonly connection: Connection;
  session = '';
  /** Ids of the tasks that the server has named, by job and round. */
  readonly #tasks = new Map<string, string>();

  private constructor(name: string, connection: Connection) {
    this.name = name;
    this.connection = connection;
  }

  static async connect(
    kits: Pick<LiveKits, 'kit'>,
    name: string,
    { instance = randomUUID() as string, says = {} as Partial<ReturnType<typeof hello>> } = {},
  ): Promise<RawSite> {
    const { endpoint, tls } = await openKit(kits.kit(name), 'client');
    const site = new RawSite(
      name,
      new Connection({ ...endpoint.server, tls, connectSeconds: LIMITS.moment }),
    );
    const answer = await site.send(
      'POST',
      '/v1/site/session',
      { ...hello(instance), ...says },
      sessionAnswer,
    );
    site.session = answer.session;
    return site;
  }

  send<Schema extends z.ZodType = typeof anything>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: unknown,
    answer?: Schema,
  ): Promise<z.output<Schema>> {
    return this.connection.send({
      method,
      path,
      ...(body !== undefined && { body }),
      headers: this.session === '' ? {} : { [HEADER.session]: this.session },
      answer: (answer ?? anything) as Schema,
    });
  }

  async poll(waitSeconds = 0, seen: string | null = null): Promise<Assignment> {
    return this.send('POST', '/v1/site/poll', { seen, wait_seconds: waitSeconds, jobs: [] }, assignment);
  }

  /** The job of this id, once it is offered. */
  async offered(job: string) {
    for (;;) {
      const found = (await this.poll()).jobs.find(({ job_id: id }) => id === job);
      if (found?.task) this.#tasks.set(`${job} ${partsOfTask(found.task.id).round}`, found.task.id);
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  async accept(job: string): Promise<void> {
    await this.offered(job);
    await this.send('POST', `/v1/site/jobs/${job}/decision`, { answer: 'accepted' });
  }

  /** The task of a job, once there is one. */
  async task(job: string) {
    for (;;) {
      const { task } = await this.offered(job);
      if (task) return seen(task);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  async model(job: string, digest: string): Promise<ParamSet> {
    const { body } = await this.connection.stream({
      method: 'GET',
      path: `/v1/site/jobs/${job}/files/${digest}`,
      headers: { [HEADER.session]: this.session },
    });
    return decodeSafetensors(new Uint8Array(await body.arrayBuffer()), 'model');
  }

  /** One piece of a file, from `offset` on. */
  async patch(
    job: string,
    bytes: Uint8Array,
    { digest = sha256(bytes), offset = 0, length = bytes.length }: Partial<Piece> = {},
  ) {
    const response = await this.connection.stream({
      method: 'PATCH',
      path: `/v1/site/jobs/${job}/uploads/${digest}`,
      headers: {
        [HEADER.session]: this.session,
        'content-type': 'application/octet-stream',
        [HEADER.uploadOffset]: String(offset),
        [HEADER.uploadLength]: String(length),
      },
      body: Buffer.from(bytes),
    });
    return response.body.json();
  }

  async upload(job: string, params: ParamSet): Promise<{ sha256: string; size: number }> {
    const bytes = encodeSafetensors(params);
    await this.patch(job, bytes);
    return { sha256: sha256(bytes), size: bytes.length };
  }

  /** Id of the task of a round, as the server has named it. */
  taskOf(job: string, round = 1): string {
    return this.#tasks.get(`${job} ${round}`) ?? `train/${round}/${this.name}`;
  }

  /** @param over `update` stands for the model among the files, `round` for the task */
  async result(job: string, { round = 1, update, ...over }: Record<string, unknown> = {}) {
    return this.send(
      'POST',
      `/v1/site/jobs/${job}/results`,
      {
        task: this.taskOf(job, Number(round)),
        attempt: 1,
        encoding: 'safetensors',
        params_type: 'FULL',
        num_examples: 1,
        metrics: { accuracy: 1 },
        files: update === undefined ? {} : { model: update },
        seconds: 0.1,
        ...over,
      },
      verdictAnswer,
    );
  }

  /** Says goodbye, so that the name is free again. */
  async close(): Promise<void> {
    await this.send('DELETE', '/v1/site/session').catch(() => undefined);
    await this.connection.close();
  }
}

/** A task with its parts. */
function seen(task: AssignedTask) {
  const { model } = task.inputs;
  if (!model) throw new Error('a task without a model');
  return { ...task, ...partsOfTask(task.id), model };
}

interface Piece {
  readonly digest: string;
  readonly offset: number;
  /** Of the whole file. */
  readonly length: number;
}

export function hello(instance: string) {
  return {
    instance,
    version: '0.0.0',
    node: '24.0.0',
    platform: 'test',
    engine: 'cpu',
    resources: { jobs: 4, cpus: 4, memory_gb: 8, gpus: 0 },
  };
}
