/** Adds values to a list. `push(...values)` hands each over as an argument of its own, and more than some 120,000 end the process's stack. */
export function addAll<Value>(list: Value[], values: Iterable<Value>): void {
  for (const value of values) list.push(value);
}
