import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { NeuroflareError } from '../../../../base/errors/errors.ts';
import { BYTES_TYPE, HEADER } from '../../../../network/messages/protocol.ts';
import { digest } from '../../../../network/messages/shapes.ts';
import { uploadAnswer } from '../../../../network/messages/site.ts';
import type { Upload, UploadDesk } from '../../transfer/upload-desk.ts';
import type { App } from '../app.ts';
import { otherType, requireBytes } from '../bodies.ts';

const bytes = z.coerce.number().int().min(0);
const headers = z.object({
  [HEADER.uploadLength]: bytes,
  [HEADER.uploadOffset]: bytes.default(0),
});

export interface UploadPlace {
  readonly upload: Upload;
  readonly onBytes: (bytes: number) => void;
  /** All of it is there, or what came is not what was announced. */
  readonly onEnd?: (error?: unknown) => Promise<void> | void;
}

export interface UploadWish {
  readonly sha256: string;
  /** Bytes of the whole file. */
  readonly size: number;
}

export interface UploadRoutes<Params extends z.ZodObject> {
  readonly path: string;
  readonly params: Params;
  readonly what: string;
  readonly uploads: UploadDesk;
  /** Where a file goes, if the asker may send it. */
  readonly place: (request: FastifyRequest, wish: UploadWish) => UploadPlace | Promise<UploadPlace>;
}

/** A file comes in pieces: GET tells how much of it is there, PATCH takes what follows. */
export function uploadRoutes<Params extends z.ZodObject>(
  app: App,
  { path, params, what, uploads, place }: UploadRoutes<Params>,
): void {
  const ofFile = params.extend({ sha256: digest });
  const wishOf = (request: { params: unknown; headers: z.output<typeof headers> }): UploadWish => ({
    sha256: (request.params as { sha256: string }).sha256,
    size: request.headers[HEADER.uploadLength],
  });

  app.get(
    `${path}/:sha256`,
    {
      schema: {
        summary: `How much of ${what} is there.`,
        params: ofFile,
        headers,
        response: { 200: uploadAnswer },
      },
    },
    async (request) => {
      const { upload } = await place(request as FastifyRequest, wishOf(request));
      return uploads.position(upload);
    },
  );

  app.patch(
    `${path}/:sha256`,
    {
      config: { takesBytes: true },
      onRequest: requireBytes,
      schema: { summary: `A piece of ${what}.`, params: ofFile, headers, response: { 200: uploadAnswer } },
    },
    async (request) => {
      const { body } = request;
      if (!(body instanceof Readable)) throw otherType(BYTES_TYPE, request);
      const { upload, onBytes, onEnd } = await place(request as FastifyRequest, wishOf(request));
      const offset = request.headers[HEADER.uploadOffset];
      try {
        const answer = await uploads.receive(upload, { offset, body, onBytes });
        if (answer.done) await onEnd?.();
        return answer;
      } catch (error) {
        if (error instanceof NeuroflareError && error.code === 'NF_TRANSFER_DIGEST') await onEnd?.(error);
        throw error;
      }
    },
  );
}
