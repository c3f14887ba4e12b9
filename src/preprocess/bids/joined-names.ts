/** Names that are joined step by step, each set of them with one name that stands for all. */
export class JoinedNames {
  readonly #parents = new Map<string, string>();

  /** The name that stands for this one; itself where it was never joined. */
  rootOf(name: string): string {
    let root = name;
    for (let next = this.#parents.get(root); next !== undefined; next = this.#parents.get(root)) root = next;
    for (let at = name; at !== root; ) {
      const next = this.#parents.get(at) ?? root;
      this.#parents.set(at, root);
      at = next;
    }
    return root;
  }

  /** From now on `root` stands for all for which `other` stood; both are roots. */
  join(other: string, root: string): void {
    if (other !== root) this.#parents.set(other, root);
  }
}
