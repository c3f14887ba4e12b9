/** What of a command the spelling of its words needs. */
export interface SpelledCommand {
  readonly id: string;
  readonly flags: Readonly<Record<string, { readonly char?: string; readonly aliases?: readonly string[] }>>;
  readonly args: Readonly<Record<string, { readonly required?: boolean }>>;
}

/** Flags of several letters behind one dash, which POSIX takes for several flags. */
const ONE_DASH: Readonly<Record<string, string>> = { '-gpu': '--gpu', '-ex': '--ex' };
/** Flags that only make nvflare's console say more. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set(['-debug', '--debug']);
/** Flags with names in them: nvflare takes them as words (`--sites a b`), neuroflare in one (`--sites a,b`). */
const LISTS: ReadonlySet<string> = new Set(['clients', 'sites', 'service', 'exclude']);
/** Commands on the server or on some sites: nvflare has the kind before the names (`client site-1`). */
const ON_SITES: ReadonlySet<string> = new Set([
  'system:status',
  'system:resources',
  'system:shutdown',
  'system:restart',
]);

/** The words after a command as neuroflare spells them, of those that nvflare's users and scripts write. */
export function inOurWords(command: SpelledCommand, words: readonly string[]): string[] {
  if (command.id === 'job:run') return withScript(words);
  const known = words
    .filter((word) => !WITHOUT_EFFECT.has(word))
    .map((word) => withDashes(command, ONE_DASH[word] ?? word));
  const joined = joinLists(command, known);
  return ON_SITES.has(command.id) ? withoutKind(joined) : joined;
}

/** What follows the script is of the script. */
function withScript(words: readonly string[]): string[] {
  const script = words.findIndex((word) => !word.startsWith('-'));
  return script === -1 ? [...words] : [...words.slice(0, script + 1), '--', ...words.slice(script + 1)];
}

/** `--n_clients`, where the command has `--n-clients` and none of that name. */
function withDashes({ flags }: SpelledCommand, word: string): string {
  const [, name = '', rest = ''] = /^--([a-z]+(?:_[a-z]+)+)(=.*)?$/s.exec(word) ?? [];
  const dashed = name.replaceAll('_', '-');
  const has = (asked: string) =>
    Object.entries(flags).some(([own, { aliases }]) => own === asked || aliases?.includes(asked));
  return name !== '' && !has(name) && has(dashed) ? `--${dashed}${rest}` : word;
}

/** Words after the flag are of its list, but for those that the command itself still needs. */
function joinLists({ flags, args }: SpelledCommand, words: readonly string[]): string[] {
  const lists = new Set(
    Object.entries(flags)
      .filter(([name]) => LISTS.has(name))
      .flatMap(([name, { char, aliases = [] }]) => [
        `--${name}`,
        ...(char ? [`-${char}`] : []),
        ...aliases.map((alias) => `--${alias}`),
      ]),
  );
  const needed = Object.values(args).filter(({ required }) => required).length;
  const out: string[] = [];
  for (let at = 0; at < words.length; ) {
    const word = words[at] ?? '';
    out.push(word);
    at++;
    if (!lists.has(word)) continue;
    const end = words.findIndex((next, place) => place >= at && next.startsWith('-')) >>> 0;
    const values = words.slice(at, end);
    const before = words.slice(0, at - 1).filter((earlier) => !earlier.startsWith('-')).length;
    const own = Math.max(1, values.length - Math.max(0, needed - before));
    if (values.length > 0) out.push(values.slice(0, own).join(','), ...values.slice(own));
    at += values.length;
  }
  return out;
}

/** `client site-1 site-2` is the two sites; `client` alone stays: it may be a site's name, and stands for all of them otherwise. */
function withoutKind(words: readonly string[]): string[] {
  const [first, second, ...others] = words;
  const isKind = first === 'client' && second !== undefined && !second.startsWith('-');
  return isKind ? [second, ...others] : [...words];
}
