import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AT_ONCE_LIMITS } from '../../../base/limits.ts';
import { Turns } from '../turns.ts';
import { type SentFile, sendFile } from './send-file.ts';

/** All files that are on their way from the server: few of a participant, and none of a job that is gone. */
export class Downloads {
  readonly #turns = new Turns({ each: AT_ONCE_LIMITS.downloads });
  readonly #ofJob = new Map<string, Set<ServerResponse>>();

  /** Sends a file of a job. @throws NF_AT_ONCE, NF_FILE_UNKNOWN, NF_REQUEST_RANGE */
  async send(
    request: FastifyRequest,
    reply: FastifyReply,
    { job, ...file }: SentFile & { readonly job: string },
  ): Promise<FastifyReply> {
    return this.#turns.during(request.identity.name, async () => {
      const open = this.#ofJob.get(job) ?? new Set();
      this.#ofJob.set(job, open.add(reply.raw));
      try {
        return await sendFile(request, reply, file);
      } finally {
        open.delete(reply.raw);
        if (open.size === 0 && this.#ofJob.get(job) === open) this.#ofJob.delete(job);
      }
    });
  }

  /** Ends what is on its way of a job: its files are gone. */
  endOf(job: string): void {
    for (const response of this.#ofJob.get(job) ?? []) response.destroy();
  }
}
