import type { z } from 'zod';
import type { Answer } from '../../algorithms/workflow.ts';
import { canonicalJson } from '../../base/digest.ts';
import { flError } from '../../base/errors/errors.ts';
import { inFileOrder } from '../../base/tensors/safetensors.ts';
import { closeTensorFiles, openTensorFiles } from '../../base/tensors/tensor-file.ts';
import { SECURE_WORDS } from '../../job/secure-tasks.ts';
import {
  type About,
  type Agreement,
  agreementSchema,
  type SealedShares,
  type SignedMember,
  sealedSharesSchema,
  signedMemberSchema,
  type Unmasking,
  unmaskingSchema,
} from '../../masking/session/messages.ts';
import type { RunFiles } from '../../run/run-files.ts';
import type { AnswerFault } from '../checked-task.ts';

/**
 * What sites answer in the phases of a session, as the server reads it. An answer that is none would keep all other sites from going on: its
 * site is left out, by name, before they see it. Whether it is true is for the sites to say.
 */

export interface Expected {
  readonly about: About;
}

export function memberOf(answer: Answer): SignedMember {
  return signedMemberSchema.parse(answer.values?.[SECURE_WORDS.keys.value]);
}

export function sharesOf(answer: Answer): SealedShares {
  return sealedSharesSchema.parse(answer.values?.[SECURE_WORDS.shares.value]);
}

export function agreementOf(answer: Answer): Agreement {
  return agreementSchema.parse(answer.values?.[SECURE_WORDS.agree.value]);
}

export function unmaskingOf(answer: Answer): Unmasking {
  return unmaskingSchema.parse(answer.values?.[SECURE_WORDS.open.value]);
}

export async function faultsOfMembers(
  answers: readonly Answer[],
  { about }: Expected,
): Promise<AnswerFault[]> {
  return faultsOf(
    answers,
    { file: SECURE_WORDS.keys.value, schema: signedMemberSchema },
    (found, { site, numExamples }) => {
      if (found.member.site !== site) return `it names ${found.member.site}`;
      if (canonicalJson(found.about) !== canonicalJson(about)) return 'it is of another session';
      return Number.isFinite(numExamples) ? undefined : 'it has no weight';
    },
  );
}

/** @param members who has sent keys: each other one of them gets a share */
export async function faultsOfShares(
  answers: readonly Answer[],
  members: readonly string[],
): Promise<AnswerFault[]> {
  return faultsOf(
    answers,
    { file: SECURE_WORDS.shares.value, schema: sealedSharesSchema },
    (found, { site }) => {
      const missing = members.find((one) => one !== site && found[one] === undefined);
      return missing === undefined ? undefined : `it has nothing for ${missing}`;
    },
  );
}

export async function faultsOfAgreements(
  answers: readonly Answer[],
  survivors: readonly string[],
): Promise<AnswerFault[]> {
  return faultsOf(answers, { file: SECURE_WORDS.agree.value, schema: agreementSchema }, (found, { site }) => {
    if (found.site !== site) return `it names ${found.site}`;
    return canonicalJson(found.survivors) === canonicalJson(survivors) ? undefined : 'it is of other sites';
  });
}

export async function faultsOfUnmaskings(answers: readonly Answer[]): Promise<AnswerFault[]> {
  return faultsOf(answers, { file: SECURE_WORDS.open.value, schema: unmaskingSchema }, (found, { site }) =>
    found.site === site ? undefined : `it names ${found.site}`,
  );
}

function faultsOf<Schema extends z.ZodType>(
  answers: readonly Answer[],
  { file, schema }: { readonly file: string; readonly schema: Schema },
  look: (found: z.output<Schema>, answer: Answer) => string | undefined,
): AnswerFault[] {
  return answers.flatMap((answer) => {
    const { success, data } = schema.safeParse(answer.values?.[file]);
    const reason = success ? look(data, answer) : 'it has another form';
    if (reason === undefined) return [];
    const error = flError('NF_SECAGG_ANSWER', { site: answer.site, file, reason });
    return [{ site: answer.site, error }];
  });
}

/** A sum needs the same arrays of all: of two kinds those that fewer sites have are left out, of as many those of the first site count. */
export async function faultsOfArrays(
  answers: readonly Answer[],
  files: Pick<RunFiles, 'at'>,
): Promise<AnswerFault[]> {
  const arrays = await Promise.all(answers.map((answer) => arraysOf(answer, files)));
  const counts = new Map<string, number>();
  for (const one of arrays) counts.set(one.join(' '), (counts.get(one.join(' ')) ?? 0) + 1);
  const [wanted] = [...counts].reduce((most, one) => (one[1] > most[1] ? one : most), ['', 0]);
  const all = wanted.split(' ');
  return answers.flatMap(({ site }, at) => {
    const own = arrays[at] ?? [];
    if (own.join(' ') === wanted) return [];
    const name = all.find((one) => !own.includes(one)) ?? own.find((one) => !all.includes(one)) ?? '';
    const error = own.includes(name)
      ? flError('NF_SECAGG_ANSWER', {
          site,
          file: 'model',
          reason: `it has ${name}, which most sites do not send`,
        })
      : flError('NF_SECAGG_ARRAYS', { site, name });
    return [{ site, error }];
  });
}

async function arraysOf({ files: sent }: Answer, files: Pick<RunFiles, 'at'>): Promise<string[]> {
  const opened = await openTensorFiles(Object.values(sent).map((file) => files.at(file)));
  try {
    return opened.flatMap(({ layout }) => inFileOrder(layout).map(({ name }) => encodeURIComponent(name)));
  } finally {
    await closeTensorFiles(opened);
  }
}
