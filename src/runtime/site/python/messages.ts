import { z } from 'zod';
import type { JsonValue } from '../../job/definition.ts';

/**
 * What the process of a script in Python and neuroflare say to each other: JSON, a line a message (`python/neuroflare_link.py`). Questions
 * have one answer each; what is told has none.
 */

const place = z.object({ file: z.string().max(4096), line: z.int().min(0) });

const message = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    protocol: z.literal(1),
    token: z.string(),
    python: z.string().max(40),
  }),
  z.object({ type: z.literal('next'), timeout: z.number().min(0).nullish() }),
  z.object({
    type: z.literal('result'),
    id: z.string(),
    /** Its file lies where the task said. */
    params: z.boolean(),
    /** The change of SCAFFOLD's control variate lies where the task said. */
    control: z.boolean().default(false),
    params_type: z.enum(['FULL', 'DIFF']),
    metrics: z.record(z.string(), z.unknown()),
    weight: z.number().nullable(),
    /** The line of the script that sent it. */
    at: place.nullish(),
  }),
  z.object({
    type: z.literal('failure'),
    kind: z.string().max(200),
    message: z.string(),
    file: z.string().nullish(),
    line: z.int().nullish(),
    /** That could not be imported. */
    module: z.string().max(500).nullish(),
    traceback: z.string(),
  }),
  z.object({
    type: z.literal('log'),
    key: z.string(),
    value: z.unknown(),
    kind: z.string(),
    writer: z.string(),
    step: z.unknown(),
    more: z.unknown(),
  }),
]);

export type PythonMessage = z.output<typeof message>;
export type PythonFailure = Extract<PythonMessage, { type: 'failure' }>;
export type PythonResult = Extract<PythonMessage, { type: 'result' }>;
export type PythonTracked = Extract<PythonMessage, { type: 'log' }>;

/** Undefined for what is none. */
export function readPythonMessage(said: unknown): PythonMessage | undefined {
  return message.safeParse(said).data;
}

/** A task as a script is told of it, in nvflare's words. */
export interface PythonTask {
  readonly type: 'task';
  readonly id: string;
  readonly name: 'train' | 'validate';
  /** From 0. */
  readonly round: number;
  readonly start_round: 0;
  readonly total_rounds: number;
  /** Absolute paths: of the received model, and of the answer where one is asked for. */
  readonly model: string;
  readonly result: string | null;
  /** Of SCAFFOLD: the server's control variate (null: zeros), and the place for the change of the site's own. */
  readonly control: { readonly received: string | null; readonly result: string } | null;
  readonly meta: Readonly<Record<string, JsonValue>>;
}

export interface Welcome {
  readonly type: 'welcome';
  readonly job_id: string;
  readonly site_name: string;
  readonly exchange: {
    readonly format: string;
    readonly transfer_type: string;
    readonly launch_once: boolean;
    readonly dtypes: Readonly<Record<string, string>>;
  };
}

export type PythonReply =
  | Welcome
  | PythonTask
  | { readonly type: 'none' }
  | { readonly type: 'stop' }
  | { readonly type: 'accepted' }
  | { readonly type: 'rejected'; readonly message: string };
