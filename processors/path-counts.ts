/**
 * How many values were encrypted under a nonce in one record so far, by path. Counted by path and not through the record,
 * because the number of a value is part of its nonce: a policy that later encrypts another field as well must not give
 * the number of one item to another. It holds paths of the plan only, never a value.
 */
export class PathCounts {
  readonly #counts = new Map<string, number>();

  /** The number of the next value at `path`, from 0. */
  next(path: string): number {
    const number = this.#counts.get(path) ?? 0;
    this.#counts.set(path, number + 1);
    return number;
  }

  /** Forgets the record before. */
  clear(): void {
    if (this.#counts.size > 0) this.#counts.clear();
  }
}
