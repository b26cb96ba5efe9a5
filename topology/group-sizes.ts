/**
 * How many people look the same: counts the persons behind each combination of published values. What it holds are
 * masked values and tokens of persons, in memory, for as long as one sample takes; what it gives are counts.
 */

/** Persons in smaller groups than these are counted. 2: unique; 5 and 11 are what experts commonly ask for. */
const THRESHOLDS = [2, 5, 11] as const;
/** So many of the smallest groups are told, by their size. */
const SMALLEST_SHOWN = 10;

export interface GroupCounts {
  readonly persons: number;
  readonly nobody: number;
  readonly groups: number;
  /** Sizes of the smallest groups, smallest first. */
  readonly smallest: readonly number[];
  /** Distinct persons in a group smaller than the number. */
  readonly below: Readonly<Record<string, number>>;
}

export class GroupSizes {
  private readonly groups = new Map<string, Set<string>>();
  private readonly persons = new Set<string>();
  private nobodyCount = 0;

  /** One published record. `person`: a stand-in of whom it is about; null: nobody, so a person of its own. */
  add(group: string, person: string | null): void {
    const who = person ?? `#${this.nobodyCount++}`;
    if (person !== null) this.persons.add(person);
    const members = this.groups.get(group);
    if (members) members.add(who);
    else this.groups.set(group, new Set([who]));
  }

  counts(): GroupCounts {
    const sizes = [...this.groups.values()].map(({ size }) => size).sort((a, b) => a - b);
    const below = THRESHOLDS.map((k): [string, number] => [String(k), this.inGroupsBelow(k)]);
    return {
      persons: this.persons.size,
      nobody: this.nobodyCount,
      groups: this.groups.size,
      smallest: sizes.slice(0, SMALLEST_SHOWN),
      below: Object.fromEntries(below),
    };
  }

  private inGroupsBelow(k: number): number {
    const small = [...this.groups.values()].filter(({ size }) => size < k);
    return new Set(small.flatMap((members) => [...members])).size;
  }
}
