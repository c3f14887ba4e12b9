import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type AdmissionDeps, admit } from '../../../../../src/runtime/deployment/client/consent/admission.ts';
import { clientFolder } from '../../../../../src/runtime/deployment/client/memory/client-folder.ts';
import type { Decision } from '../../../../../src/runtime/network/messages/site.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();

it('answers an offer whatever keeps the site from looking at it: who waits is told', async () => {
  const decided: Decision[] = [];
  const link = {
    signedJob: () => Promise.reject(new RangeError('Maximum call stack size exceeded')),
    decide: async (_job: string, decision: Decision) => void decided.push(decision),
  };
  const nothing = () => undefined;
  const deps = {
    site: 'site-1',
    folder: clientFolder(join(root, 'work')).job('job'),
    link,
    logger: { info: nothing },
    audit: { append: async () => undefined },
    refusals: { note: async () => undefined },
    tell: nothing,
    onKnown: nothing,
    known: nothing,
    onDecision: nothing,
    signal: new AbortController().signal,
  } as unknown as AdmissionDeps;
  expect(await admit('job', deps)).toBeUndefined();
  expect(decided).toMatchObject([{ answer: 'refused', reason: { code: 'NF_INTERNAL' } }]);
});
