/**
 * Reads all policies of a directory, and checks what only shows when they stand side by side: two policies for one
 * audience, one reader in two audiences of one topic. All problems of all files are reported at once.
 */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GauzeError, GauzeErrors } from '../platform/errors.ts';
import type { Policy } from './policy.ts';
import { parsePolicy } from './policy-file.ts';

/** What a folder of policies holds: those that are right by themselves, and everything that is wrong. */
export interface ReadPolicies {
  readonly policies: readonly Policy[];
  readonly problems: readonly GauzeError[];
}

/**
 * All policies in `directory` (files *.yaml and *.yml), by file name.
 * @throws GauzeErrors with every problem of every file
 */
export async function loadPolicies(directory: string): Promise<Policy[]> {
  const { policies, problems } = await readPolicies(directory);
  if (problems.length > 0) throw new GauzeErrors(problems);
  return [...policies];
}

/** The same without throwing: for a check that goes on with the policies that can be read. */
export async function readPolicies(directory: string): Promise<ReadPolicies> {
  const problems: GauzeError[] = [];
  const policies: Policy[] = [];
  const collect = (error: unknown): void => {
    if (error instanceof GauzeErrors) problems.push(...error.errors);
    else if (error instanceof GauzeError) problems.push(error);
    else throw error;
  };
  for (const file of await policyFiles(directory).catch((error: unknown) => (collect(error), []))) {
    try {
      policies.push(parsePolicy(await text(file), file));
    } catch (error) {
      collect(error);
    }
  }
  problems.push(...policyConflicts(policies));
  return { policies, problems };
}

/** What is wrong between policies that are each right by themselves. */
export function policyConflicts(policies: readonly Policy[]): GauzeError[] {
  const problems: GauzeError[] = [];
  const seen = new Set<string>();
  for (const policy of policies) {
    const { audience, file } = policy;
    if (seen.has(audience))
      problems.push(
        new GauzeError('ERR_POLICY_DUPLICATE', { file, line: policy.lineOf('audience'), audience }),
      );
    seen.add(audience);
    // Readers may use consumer groups that begin with `<audience>-`, so no audience may begin like that.
    if (policies.some((other) => audience.startsWith(`${other.audience}-`)))
      problems.push(
        new GauzeError('ERR_POLICY_AUDIENCE_PREFIX', { file, line: policy.lineOf('audience'), audience }),
      );
    problems.push(...readersOfOthers(policy, policies));
  }
  return problems;
}

/**
 * Two views of one topic in one hand can be joined by their order, so both owners have to say why:
 * `readers: [{ principal: "User:x", reason: "..." }]` in each of the two policies.
 */
function readersOfOthers(policy: Policy, policies: readonly Policy[]): GauzeError[] {
  return policy.readers.flatMap(({ principal, reason }, at) => {
    if (reason !== null) return [];
    const others = policies.filter(
      (other) =>
        other.audience !== policy.audience && other.readers.some((reader) => reader.principal === principal),
    );
    return others.flatMap((other) => {
      const shared = [...policy.topics.keys()].find((topic) => other.topics.has(topic));
      if (shared === undefined) return [];
      return new GauzeError('ERR_POLICY_READER_TWICE', {
        file: policy.file,
        line: policy.lineOf('readers', at),
        setting: principal,
        audience: other.audience,
        topic: shared,
      });
    });
  });
}

async function policyFiles(directory: string): Promise<string[]> {
  try {
    const names = await readdir(directory);
    return names
      .filter((name) => /\.ya?ml$/.test(name))
      .sort()
      .map((name) => join(directory, name));
  } catch {
    throw new GauzeErrors([new GauzeError('ERR_CONFIG_FILE_UNREADABLE', { file: directory })]);
  }
}

async function text(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    throw new GauzeError('ERR_CONFIG_FILE_UNREADABLE', { file });
  }
}
