/**
 * The order of one round, which is what a seal proves: offsets of groups are read before the ends of the audit
 * partitions, so that events must reach them one seal later; and what is signed has been read back as committed.
 * A step that fails ends the round: nothing after it happens.
 */

/** What a round is made of; each step fails with what ends the session. */
export interface RoundSteps<Groups, Seal> {
  /** How far groups have committed. */
  readGroups(): Promise<Groups>;
  /** Everything that is settled in the audit partitions by now. */
  readAudit(): Promise<void>;
  seal(groups: Groups): Promise<Seal>;
  /** Commits the seal; gives its bytes and where they were appended. */
  append(seal: Seal): Promise<Appended>;
  /** Waits until the seal is read as everybody will read it, and takes it for the log of seals. */
  readBack(appended: Appended): Promise<void>;
  /** Signs the log of seals as far as it has been read back, and has it witnessed. */
  sign(): Promise<string>;
  /** Commits the note. */
  publish(note: string): Promise<void>;
}

export interface Appended {
  readonly value: Buffer;
  readonly offset: number;
}

/** Gives what was sealed. */
export async function sealRound<Groups, Seal>(steps: RoundSteps<Groups, Seal>): Promise<Seal> {
  const groups = await steps.readGroups();
  await steps.readAudit();
  const seal = await steps.seal(groups);
  const appended = await steps.append(seal);
  await steps.readBack(appended);
  await steps.publish(await steps.sign());
  return seal;
}
