/**
 * Which human answers for a Kafka principal, and which principals a human answers for; from the config's `owners`.
 * A principal that nobody answers for cannot be granted anything, and has no separation of duties to hide behind.
 */

export class Owners {
  readonly #owners: ReadonlyMap<string, string>;

  /** Config `owners`: humans, as `oidc.idClaim` tells them apart, by principal `User:...`. */
  constructor(owners: Readonly<Record<string, string>>) {
    this.#owners = new Map(Object.entries(owners));
  }

  /** The human who answers for `principal`; null where nobody does. */
  ownerOf(principal: string): string | null {
    return this.#owners.get(principal) ?? null;
  }

  /** All principals that `human` answers for, sorted. */
  principalsOf(human: string): readonly string[] {
    return [...this.#owners.keys()].filter((principal) => this.#owners.get(principal) === human).sort();
  }
}
