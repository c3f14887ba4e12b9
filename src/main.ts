import { fileURLToPath } from 'node:url';
import { Config, Errors, flush, Help } from '@oclif/core';
import { errorEnvelope, errorText } from './output/envelope.ts';
import { inOurWords } from './output/nvflare-words.ts';
import { writeAnswer, writeNote } from './output/terminal.ts';
import { flError, type NeuroflareError, toNeuroflareError } from './runtime/base/errors/errors.ts';
import { didYouMean } from './runtime/base/text/nearest.ts';

const ROOT_FLAGS = ['--help', '-h', '--version', '-V', '--json'];

/** Entry of the command line: finds the command, runs it, and leaves the exit code in `process.exitCode`. */
export async function runCommand(words: readonly string[], root: URL): Promise<void> {
  const config = await Config.load({ root: fileURLToPath(root) });
  try {
    await dispatch(config, words);
    await flush();
  } catch (thrown) {
    if (thrown instanceof Errors.ExitError) {
      process.exitCode = thrown.oclif.exit ?? 0;
      return;
    }
    const error = toNeuroflareError(thrown);
    process.exitCode = error.exitCode;
    if (wantsJson(words)) writeAnswer(errorEnvelope(error, error.exitCode));
    writeNote(errorText(error));
  }
}

function wantsJson(words: readonly string[]): boolean {
  return /(^| )(--json|--format[ =]jsonl?)( |$)/.test(words.join(' '));
}

async function dispatch(config: Config, words: readonly string[]): Promise<void> {
  if (words[0] === '--version' || words[0] === '-V' || words.join() === 'version') {
    writeAnswer(config.userAgent);
    return;
  }
  const { id, rest } = findCommand(config, words);
  const wantsHelp = rest.includes('--help') || rest.includes('-h');
  const command = id === undefined ? undefined : config.findCommand(id);
  if (command && !wantsHelp) return void (await config.runCommand(command.id, inOurWords(command, rest)));
  const topic = id ?? topicOf(config, words);
  if (topic === undefined) refuseUnknown(config, words);
  else if (id === undefined && !wantsHelp) refuseFlags(config, topic, words);
  await new Help(config).showHelp(topic === undefined ? [] : [topic]);
}

/** The longest run of leading words that names a command: `job create x` is `job:create` with `x` left. */
function findCommand(config: Config, words: readonly string[]): { id: string | undefined; rest: string[] } {
  const names = words.slice(0, words.findIndex((word) => word.startsWith('-')) >>> 0);
  for (let length = names.length; length > 0; length--) {
    const command = config.findCommand(names.slice(0, length).join(':'));
    if (command) return { id: command.id, rest: words.slice(length) };
  }
  return { id: undefined, rest: [...words] };
}

function topicOf(config: Config, words: readonly string[]): string | undefined {
  const names = words.filter((word) => !word.startsWith('-') && word !== 'help');
  return names.length > 0 && config.findTopic(names.join(':')) ? names.join(':') : undefined;
}

/** Without a command: nothing, `help` and what asks for help are fine. */
function refuseUnknown(config: Config, words: readonly string[]): void {
  const command = words.filter((word) => !word.startsWith('-') && word !== 'help').join(' ');
  if (command !== '') {
    throw unknownCommand(config, command.split(' '));
  }
  const flag = words.find((word) => word.startsWith('-') && !ROOT_FLAGS.includes(word));
  if (flag === undefined) return;
  throw flError('NF_USAGE', { message: `Nonexistent flag: ${flag}.${didYouMean(flag, ROOT_FLAGS)}` });
}

/** Flags belong to a command, and a topic alone is none. */
function refuseFlags(config: Config, topic: string, words: readonly string[]): void {
  const flag = words.find((word) => word.startsWith('-'));
  if (flag === undefined) return;
  const spoken = topic.replaceAll(':', ' ');
  const meant = flag.replace(/^-+/, '');
  const commands = config.commandIDs
    .filter((id) => id.startsWith(`${topic}:`))
    .map((id) => id.slice(topic.length + 1).replaceAll(':', ' '));
  const hint = commands.includes(meant)
    ? ` Did you mean '${spoken} ${meant}'?`
    : ` Its commands: ${commands.join(', ')}.`;
  throw flError('NF_USAGE', { message: `'${spoken}' alone takes no ${flag}.${hint}` });
}

/** Commands of nvflare's own console and others that people type, and what does the same here. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  submit_job: 'job submit',
  list_jobs: 'job list',
  clone_job: 'job clone',
  abort_job: 'job abort',
  delete_job: 'job delete',
  download_job: 'job download',
  get_job_meta: 'job meta',
  check_status: 'system status',
  list_clients: 'system status',
  show_stats: 'job stats',
  list_templates: 'job list-templates',
  configure_job_log: 'job log-config',
  configure_site_log: 'system log-config',
  shutdown: 'system shutdown',
  restart: 'system restart',
  disable_client: 'system disable-client',
  enable_client: 'system enable-client',
  'poc status': 'system status',
  'server status': 'system status',
  'client status': 'system status',
  'job status': 'job meta',
};

/** Which of the words were meant as the command is not known: the guess that takes up most of them is made. */
function unknownCommand(config: Config, words: readonly string[]): NeuroflareError {
  const names = config.commandIDs.map((id) => id.replaceAll(':', ' '));
  const topic = words[0] !== undefined && config.findTopic(words[0]) ? `${words[0]} ` : '';
  const other = [words.slice(0, 2).join(' '), words[0] ?? ''].find((name) =>
    Object.hasOwn(OTHER_NAMES, name),
  );
  if (other !== undefined)
    return flError('NF_COMMAND_UNKNOWN', {
      command: other,
      nearest: ` Here it is '${OTHER_NAMES[other]}'.`,
      topic: '',
    });
  for (let length = Math.min(words.length, 3); length > 0; length--) {
    const command = words.slice(0, length).join(' ');
    // Whoever names a topic means a command of it.
    const alike = names.filter((name) => name.split(' ').length === length && name.startsWith(topic));
    const nearest = didYouMean(command, alike);
    if (nearest) return flError('NF_COMMAND_UNKNOWN', { command, nearest, topic });
  }
  const command = words.slice(0, topic ? 2 : 1).join(' ');
  return flError('NF_COMMAND_UNKNOWN', { command, nearest: '', topic });
}
