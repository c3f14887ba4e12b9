import { flError } from '../../base/errors/errors.ts';

/** Where a queue is. */
export interface QueueAddress {
  /** With user and password, if it has any: for connections alone. */
  readonly url: string;
  /** Without them, for messages. */
  readonly shown: string;
}

const SCHEMES = ['redis:', 'rediss:'];

/** @throws NF_QUEUE_URL; what may be a password is never in its message */
export function parseQueueAddress(text: string | undefined): QueueAddress {
  if (text === undefined || text === '')
    throw flError('NF_QUEUE_URL', { shown: 'Nothing', reason: 'none was given' });
  const url = URL.parse(text);
  if (!url) throw flError('NF_QUEUE_URL', { shown: 'What was given', reason: 'it cannot be read as a URL' });
  if (!SCHEMES.includes(url.protocol))
    throw flError('NF_QUEUE_URL', {
      shown: `${url.protocol}//${url.host}`,
      reason: `it begins with ${url.protocol}// where redis:// or rediss:// is known`,
    });
  const shown = `${url.protocol}//${url.host}${url.pathname === '/' ? '' : url.pathname}`;
  if (url.hostname === '') throw flError('NF_QUEUE_URL', { shown, reason: 'it names no host' });
  if (!/^(\/\d*)?$/.test(url.pathname))
    throw flError('NF_QUEUE_URL', {
      shown,
      reason: 'after the host comes the number of a database, or nothing',
    });
  return { url: url.href, shown };
}
