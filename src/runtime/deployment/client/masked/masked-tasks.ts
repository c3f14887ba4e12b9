import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { partsOfTask } from '../../../algorithms/task.ts';
import { canonicalJson } from '../../../base/digest.ts';
import { atPlace, flError, toNeuroflareError } from '../../../base/errors/errors.ts';
import { faultPoint } from '../../../base/errors/fault-point.ts';
import { parseJson } from '../../../base/parse-json.ts';
import { MASKED_ENCODING } from '../../../base/tensors/packed/form.ts';
import { closeTensorFiles, openTensorFiles } from '../../../base/tensors/tensor-file.ts';
import {
  agreementsFile,
  inboxFile,
  membersFile,
  sessionFile,
  survivorsFile,
} from '../../../federation/masked/messages.ts';
import { declaredWeight, sessionShares } from '../../../federation/masked/session-weights.ts';
import type { JobDefinition } from '../../../job/definition.ts';
import type { SecureAggregation } from '../../../job/secure-aggregation.ts';
import { SECURE_WORDS, type SecurePhase, SUMMED, securePhase } from '../../../job/secure-tasks.ts';
import type { Mask } from '../../../masking/mask-stream.ts';
import type { About, SignedMember } from '../../../masking/session/messages.ts';
import {
  agreeOn,
  joinSession,
  maskVector,
  openSum,
  type Signer,
  shareOut,
  type Verify,
} from '../../../masking/session/site-side.ts';
import { leastThreshold, usualThreshold } from '../../../masking/thresholds.ts';
import type { AssignedTask } from '../../../network/messages/site.ts';
import type { AuditLog } from '../../../security/logs/audit-log.ts';
import type { SitePolicy } from '../../../security/policy/site-policy.ts';
import { writeMasked } from '../../../site/packing/write-masked.ts';
import type { SiteJobFolder } from '../memory/client-folder.ts';
import type { Outbox } from '../tasks/outbox.ts';
import { inputsDigest, taskKey } from '../tasks/site-task.ts';
import type { TaskRunner, TaskWatch } from '../tasks/task-runner.ts';
import { SessionStore, type StoredSession } from './session-store.ts';

/** Whether keys are those of their sites, at this moment. */
export interface PeerCheck {
  readonly verify: Verify;
  /** What was seen of the peers, durable when it returns. */
  keep(): Promise<void>;
}

export interface MaskedTasksOptions {
  readonly runner: Pick<TaskRunner, 'run'>;
  readonly site: string;
  readonly folder: SiteJobFolder;
  readonly job: JobDefinition;
  readonly secure: SecureAggregation;
  /** What sessions are of, as it was signed. */
  readonly of: Pick<About, 'project' | 'job_id' | 'bundle_sha256'>;
  /** The sites that the job was signed for; undefined: any. */
  readonly clients: readonly string[] | undefined;
  readonly signer: () => Signer;
  readonly peers: () => Promise<PeerCheck>;
  readonly policy: () => Promise<SitePolicy>;
  /** Before masks are put on an update, by the digests of its files. @throws NF_PRIVACY_UNCHARGED in a private job that has not paid for it */
  readonly requireCharged: (update: StoredSession['update']) => void;
  readonly audit: Pick<AuditLog, 'append'>;
}

type Answered = Extract<Outbox['answer'], { result: unknown }>;
/** What a phase brings: a JSON value, or files. */
type Brought =
  | { readonly value: unknown }
  | (Pick<Answered, 'files'> & { readonly sent: Answered['result']['files'] });

const random = (bytes: number) => new Uint8Array(randomBytes(bytes));

/**
 * The tasks of a job whose updates are summed up in secret: a script trains as ever, what came of it stays here, and the phases of the
 * session are the client's own work. No secret ever comes into the script's process.
 */
export class MaskedTasks implements Pick<TaskRunner, 'run'> {
  readonly #options: MaskedTasksOptions;
  readonly #store: SessionStore;

  constructor(options: MaskedTasksOptions) {
    this.#options = options;
    this.#store = new SessionStore(options.folder);
  }

  async run(task: AssignedTask, watch: TaskWatch): Promise<Outbox> {
    const { name, round } = partsOfTask(task.id);
    const phase = securePhase(name);
    if (phase) return this.#phase(task, phase);
    await this.#store.forgetBefore(round);
    return name === SUMMED ? this.#train(task, watch) : this.#options.runner.run(task, watch);
  }

  /** The update stays; its figures leave. A task that was done before is not done again: its update may have masks already. */
  async #train(task: AssignedTask, watch: TaskWatch): Promise<Outbox> {
    const key = taskKey(task);
    const known = await this.#store.held();
    if (known?.key === key) return withoutFiles(known.outbox);
    const outbox = await this.#options.runner.run(task, watch);
    if ('failure' in outbox.answer) return outbox;
    await this.#store.hold(key, outbox);
    faultPoint('client:secagg.held');
    return withoutFiles(outbox);
  }

  async #phase(task: AssignedTask, phase: SecurePhase): Promise<Outbox> {
    const { site, audit, of } = this.#options;
    const { round } = partsOfTask(task.id);
    const began = performance.now();
    try {
      const brought = await this.#do(task, phase);
      faultPoint(`client:secagg.${phase}`);
      return outboxOf(task, brought, { phase, seconds: (performance.now() - began) / 1000 });
    } catch (thrown) {
      const error = toNeuroflareError(thrown);
      const deed = { actor: site, action: `secagg.${phase}`, job: of.job_id, site } as const;
      await audit.append({ ...deed, outcome: 'refused', detail: `${error.code}: ${error.message}` });
      throw atPlace(error, { site, round });
    }
  }

  #do(task: AssignedTask, phase: SecurePhase): Promise<Brought> {
    if (phase === 'keys') return this.#keys(task);
    if (phase === 'shares') return this.#shares(task);
    if (phase === 'masked') return this.#masked(task);
    return phase === 'agree' ? this.#agree(task) : this.#open(task);
  }

  async #keys(task: AssignedTask): Promise<Brought> {
    const { secure, of, site, job, signer } = this.#options;
    const { session, threshold } = await this.#told(task, 'keys', sessionFile);
    const { round } = partsOfTask(task.id);
    const about: About = {
      ...of,
      round,
      session,
      model_sha256: task.inputs.model?.sha256 ?? '',
      threshold,
      min_sites: secure.minSites,
      consistency: secure.consistency,
    };
    const before = await this.#store.session();
    if (before && canonicalJson(before.session.about) === canonicalJson(about))
      return { value: before.session.own };
    const result = await this.#updateOf(task);
    const { num_examples: examples, files } = result;
    const weight = declaredWeight(examples, job);
    const joining = { about, site, weight, before: before?.session };
    const { state, message } = joinSession(joining, signer(), random);
    await this.#store.keep(state, digestsOf(files));
    return { value: message };
  }

  async #shares(task: AssignedTask): Promise<Brought> {
    const { peers } = this.#options;
    const stored = await this.#stored(task);
    const { members } = await this.#told(task, 'shares', membersFile);
    await this.#requireFit(stored.session.about, members);
    const check = await peers();
    try {
      const { state, message } = shareOut(stored.session, members, { verify: check.verify, random });
      await this.#store.keep(state, stored.update);
      return { value: message };
    } finally {
      await check.keep();
    }
  }

  /** What a server says of a session that the job, or this site, does not allow. @throws NF_SECAGG_SESSION, NF_SECAGG_PEER, NF_SECAGG_TOO_FEW */
  async #requireFit({ threshold }: About, members: readonly SignedMember[]): Promise<void> {
    const { secure, clients, policy } = this.#options;
    const count = members.length;
    const least = Math.max(secure.threshold ?? usualThreshold(count), leastThreshold(count));
    if (threshold < least)
      throw flError('NF_SECAGG_SESSION', {
        reason: `${threshold} sites are to open a sum of ${count}, and ${least} are the least by the job`,
      });
    const stranger = members.find(({ member }) => clients && !clients.includes(member.site));
    if (stranger)
      throw flError('NF_SECAGG_PEER', {
        peer: stranger.member.site,
        reason: 'the job was not signed for it',
      });
    const { min_sites: needed } = (await policy()).secure_aggregation;
    if (count < needed) throw flError('NF_SECAGG_TOO_FEW', { clients: `${count} members`, needed });
  }

  async #masked(task: AssignedTask): Promise<Brought> {
    const { site, job, requireCharged } = this.#options;
    const stored = await this.#stored(task);
    requireCharged(stored.update);
    const { sent } = await this.#told(task, 'masked', inboxFile);
    const inbox = Object.entries(sent).flatMap(([from, shares]) =>
      shares[site] === undefined ? [] : [[from, shares[site]] as const],
    );
    const given = { sharers: Object.keys(sent), inbox: Object.fromEntries(inbox) };
    const { state, masks } = maskVector(stored.session, given);
    await this.#store.keep(state, stored.update);
    faultPoint('client:secagg.masking');
    const members = (state.members ?? []).map(({ member }) => member);
    const share = sessionShares(members, job).get(site) ?? 0;
    return this.#write(task, { stored, masks, share });
  }

  /** The files of the update, one after another under the same masks. */
  async #write(
    task: AssignedTask,
    {
      stored,
      masks,
      share,
    }: { readonly stored: StoredSession; readonly masks: readonly Mask[]; readonly share: number },
  ): Promise<Brought> {
    const { site, folder } = this.#options;
    const { params_type: type } = await this.#updateOf(task);
    const held = await this.#store.filesOf(stored);
    const files: Record<string, string> = {};
    const sent: Answered['result']['files'] = {};
    let start = 0;
    for (const [name, path] of Object.entries(held)) {
      const opened = await openTensorFiles([path, folder.model(task.inputs.model?.sha256 ?? '')]);
      try {
        const [update, model] = opened;
        if (!update) throw new Error(`${path} is open.`);
        // What comes beside a model is a difference.
        const base = name === 'model' && type === 'FULL' ? model : undefined;
        const target = folder.answer(name);
        const how = { site, share, masks, start };
        const { words, sha256, size } = await writeMasked(target, { update, base }, how);
        start += words;
        files[name] = target;
        sent[name] = { sha256, size };
      } finally {
        await closeTensorFiles(opened);
      }
    }
    return { files, sent };
  }

  async #agree(task: AssignedTask): Promise<Brought> {
    const stored = await this.#stored(task);
    const { survivors } = await this.#told(task, 'agree', survivorsFile);
    const { state, message } = agreeOn(stored.session, survivors, this.#options.signer());
    await this.#store.keep(state, stored.update);
    return { value: message };
  }

  async #open(task: AssignedTask): Promise<Brought> {
    const stored = await this.#stored(task);
    const given = await this.#told(task, 'open', agreementsFile);
    const check = await this.#options.peers();
    const { state, message } = openSum(stored.session, given, check.verify);
    await this.#store.keep(state, stored.update);
    return { value: message };
  }

  /** The session that a task goes on with. @throws NF_SECAGG_SESSION */
  async #stored(task: AssignedTask): Promise<StoredSession> {
    const stored = await this.#store.session();
    const { round } = partsOfTask(task.id);
    const isSame =
      stored?.session.about.round === round &&
      stored.session.about.model_sha256 === task.inputs.model?.sha256;
    if (stored && isSame) return stored;
    throw flError('NF_SECAGG_SESSION', { reason: 'it has sent no keys in this round' });
  }

  /** What the training of the round has come to. @throws NF_SECAGG_SESSION */
  async #updateOf(task: AssignedTask): Promise<Answered['result']> {
    const { outbox } = (await this.#store.held()) ?? {};
    const { round } = partsOfTask(task.id);
    const isSame =
      outbox && 'result' in outbox.answer && partsOfTask(outbox.answer.result.task).round === round;
    if (isSame && outbox.model_sha256 === task.inputs.model?.sha256 && 'result' in outbox.answer)
      return outbox.answer.result;
    throw flError('NF_SECAGG_SESSION', { reason: 'its update of the round is not here any more' });
  }

  /** What the server gives with a phase. @throws NF_SECAGG_SESSION */
  async #told<Schema extends z.ZodType>(
    task: AssignedTask,
    phase: SecurePhase,
    schema: Schema,
  ): Promise<z.output<Schema>> {
    const { input } = SECURE_WORDS[phase];
    const text = await readFile(this.#options.folder.model(task.inputs[input]?.sha256 ?? ''), 'utf8');
    const { success, data } = schema.safeParse(parseJson(text));
    if (success) return data;
    throw flError('NF_SECAGG_SESSION', { reason: `what the server gives it (${input}) has another form` });
  }
}

/** An answer as it leaves: its files stay. */
function withoutFiles(outbox: Outbox): Outbox {
  if ('failure' in outbox.answer) return outbox;
  const { encoding: _, files, ...result } = outbox.answer.result;
  return {
    ...outbox,
    held: digestsOf(files),
    answer: { result: { ...result, encoding: 'safetensors', files: {} }, files: {} },
  };
}

function digestsOf(files: Answered['result']['files']): StoredSession['update'] {
  return Object.fromEntries(Object.entries(files).map(([name, { sha256 }]) => [name, sha256]));
}

function outboxOf(
  task: AssignedTask,
  brought: Brought,
  { phase, seconds }: { readonly phase: SecurePhase; readonly seconds: number },
): Outbox {
  const words: { readonly input: string; readonly value?: string } = SECURE_WORDS[phase];
  const isFiles = 'files' in brought;
  const values = !isFiles && words.value !== undefined && { values: { [words.value]: brought.value } };
  return {
    version: 2,
    inputs_sha256: inputsDigest(task.inputs),
    model_sha256: task.inputs.model?.sha256 ?? '',
    answer: {
      result: {
        task: task.id,
        attempt: 1,
        encoding: isFiles ? MASKED_ENCODING : 'safetensors',
        params_type: 'DIFF',
        num_examples: 1,
        metrics: {},
        files: isFiles ? brought.sent : {},
        ...values,
        seconds: Math.round(seconds * 1000) / 1000,
      },
      files: isFiles ? brought.files : {},
    },
  };
}
