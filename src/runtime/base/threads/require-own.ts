let isOurs = false;

/** Neuroflare itself requires a module of its own, or a package that asks for one, and all that this one imports. */
export function requireOwn<Result>(work: () => Result): Result {
  const before = isOurs;
  isOurs = true;
  try {
    return work();
  } finally {
    isOurs = before;
  }
}

/** Whether what is required now is required by neuroflare itself, and not by a script of a job. */
export function isRequiringOwn(): boolean {
  return isOurs;
}
