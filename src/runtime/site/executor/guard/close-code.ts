import module from 'node:module';
import vm from 'node:vm';
import { isTakenName } from '../../script/own-code.ts';
import { denied } from './close-process.ts';
import { call, define, methodsOf, own, replace } from './lock.ts';

const { construct, ownKeys } = Reflect;
/** Options that give or make compiled code, or import in a name that is not the script's. */
const NOT_OF_TEXT = ['cachedData', 'produceCachedData', 'importModuleDynamically'] as const;
/** What a module's name is told by, in the place of which a script could put another. */
const PARTS_OF_URLS = ['href', 'protocol', 'host', 'hostname', 'pathname'];

/**
 * Takes compiled code, which V8 runs as it is and checks for nothing, out of what a script may give and get: bytes that were changed
 * reach past the language.
 */
export function closeCode(): void {
  const { Script: Raw, compileFunction } = vm;
  function Script(code: unknown, options: unknown): object {
    return construct(Raw, [code, fromText(options)], new.target ?? denied('vm.Script')());
  }
  const ofScripts: object = Raw.prototype;
  Script.prototype = Raw.prototype;
  replace(ofScripts, ['createCachedData'], (name) => denied(`vm.Script.${name}`));
  define(ofScripts, 'constructor', Script);
  // Node.js's own class below takes compiled code as well.
  define(methodsOf(ofScripts), 'constructor', denied('vm.Script'));
  define(vm, 'Script', Script);
  define(vm, 'compileFunction', (code: unknown, names: unknown, options: unknown) =>
    call(compileFunction, vm, [code, names, fromText(options)]),
  );
  for (const name of ['runInThisContext', 'runInNewContext', 'runInContext'] as const) {
    const run = vm[name];
    const at = name === 'runInThisContext' ? 1 : 2;
    define(vm, name, (...given: unknown[]) => {
      given[at] = fromText(given[at]);
      return call(run, vm, given);
    });
  }
  replace(vm, ['SourceTextModule', 'SyntheticModule'], (name) => denied(`vm.${name}`));
  replace(module, ['enableCompileCache', 'flushCompileCache'], (name) => denied(`module.${name}`));
  closeCompile();
  for (const part of PARTS_OF_URLS) Object.defineProperty(URL.prototype, part, { configurable: false });
}

/** Code bears the name it is given, and imports as the file of that name does. */
function closeCompile(): void {
  const ofModules = (module as unknown as { prototype: { _compile: (...given: unknown[]) => unknown } })
    .prototype;
  const { _compile: compile } = ofModules;
  define(ofModules, '_compile', function (this: unknown, ...given: unknown[]) {
    const name = given[1];
    if (typeof name !== 'string' || isTakenName(name))
      denied('code under the name of a file of neuroflare')();
    return call(compile, this, given);
  });
}

/** Options without compiled code. */
function fromText(options: unknown): unknown {
  if (typeof options !== 'object' || options === null) return options;
  const kept = {};
  const keys = ownKeys(options);
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at] ?? '';
    own(kept, key, (options as Record<PropertyKey, unknown>)[key]);
  }
  // Not `of`: a script may have put a walk of its own in the place of that through lists.
  for (let at = 0; at < NOT_OF_TEXT.length; at++) {
    const key = NOT_OF_TEXT[at] ?? '';
    if ((kept as Record<string, unknown>)[key]) denied(`vm with ${key}`)();
    own(kept, key, undefined);
  }
  return kept;
}
