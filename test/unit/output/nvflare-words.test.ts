import { describe, expect, it } from 'vitest';
import { namedOf, targetsOf } from '../../../src/output/named-sites.ts';
import { inOurWords, type SpelledCommand } from '../../../src/output/nvflare-words.ts';

const command = (id: string, more: Partial<SpelledCommand> = {}): SpelledCommand => ({
  id,
  flags: {},
  args: {},
  ...more,
});
const study = command('study:add-site', { flags: { sites: {} }, args: { study: { required: true } } });
const poc = command('poc:start', {
  flags: { service: { char: 'p' }, exclude: { aliases: ['ex'] }, 'n-clients': { char: 'n' } },
});
const words = (of: SpelledCommand, line: string) => inOurWords(of, line.split(' ')).join(' ');

describe("words of nvflare's command line", () => {
  it.each([
    [poc, '-ex site-2', '--ex site-2'],
    [poc, '-p site-1 site-2 -ex site-3 site-4', '-p site-1,site-2 --ex site-3,site-4'],
    [poc, '--service=a b', '--service=a b'],
    [poc, '-gpu 0 -debug', '--gpu 0'],
    [poc, '--n_clients 3 --n_clients=4', '--n-clients 3 --n-clients=4'],
    [poc, '--no_such 3', '--no_such 3'],
    [study, 'brain --sites a b c', 'brain --sites a,b,c'],
    [study, 'brain --sites a,b', 'brain --sites a,b'],
    [study, '--sites a brain', '--sites a brain'],
    [study, '--sites a b brain --json', '--sites a,b brain --json'],
    [command('system:status'), 'client site-1 site-2', 'site-1 site-2'],
    [command('system:shutdown'), 'client site-1 --force', 'site-1 --force'],
    [command('system:shutdown'), 'client --force', 'client --force'],
    [command('job:run'), '-q job.py --n_clients 2 -debug', '-q job.py -- --n_clients 2 -debug'],
    [command('job:run'), '--json', '--json'],
    [command('job:meta'), 'client site-1', 'client site-1'],
  ])('of %o: %s', (of, given, wanted) => {
    expect(words(of, given)).toBe(wanted);
  });

  it('a flag with the underscore in its name keeps it', () => {
    const of = command('job:submit', { flags: { 'job-folder': { aliases: ['job_folder'] } } });
    expect(words(of, '--job_folder x')).toBe('--job_folder x');
  });
});

describe('names of sites', () => {
  const sites = ['a', 'b'].map((name) => ({ name, connected: name === 'a' }));
  it('are those that are named, or all', () => {
    expect(namedOf(sites, [])).toEqual(sites);
    expect(namedOf(sites, ['client'])).toEqual(sites);
    expect(namedOf(sites, ['b'])).toEqual([sites[1]]);
    expect(() => namedOf(sites, ['b', 'aa'])).toThrow(/no site 'aa' here.*'a'/);
    expect(namedOf([...sites, { name: 'client', connected: true }], ['client'])).toHaveLength(1);
  });

  it('`client` alone stops every connected site', async () => {
    const admin = { status: async () => ({ sites }) };
    const ask = targetsOf as (from: object, targets: string[]) => Promise<readonly string[]>;
    expect(await ask(admin, ['client'])).toEqual(['a']);
    expect(await ask(admin, ['b', 'client'])).toEqual(['b', 'client']);
  });
});
