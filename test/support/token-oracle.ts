/**
 * Subject tokens computed a second time, with node:crypto alone: shares no code with keys/.
 */
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** RFC 5869 written out (extract, expand of one block), then RFC 2104; the first 8 bytes. */
export function tokenByHand(root: Buffer, epoch: number, identifier: string, space = 'patient'): Buffer {
  const extracted = hmac(Buffer.alloc(32), root);
  const words = ['gauze/1', 'subject-token', '', space].map((word) => Buffer.from(word, 'utf8'));
  const info = Buffer.concat([...words.flatMap((word) => [uint32(word.length), word]), uint32(epoch)]);
  const key = hmac(extracted, Buffer.concat([info, Buffer.from([1])]));
  return hmac(key, Buffer.from(identifier, 'utf8')).subarray(0, 8);
}

/** The root of subject tokens in a keyring file of a test. */
export async function subjectRoot(keyringFile: string): Promise<{ root: Buffer; epoch: number }> {
  const { subjectTokens } = JSON.parse(await readFile(keyringFile, 'utf8')) as {
    subjectTokens: { epoch: number; roots: Record<string, string> };
  };
  const { epoch, roots } = subjectTokens;
  return { root: Buffer.from(roots[String(epoch)]!, 'base64'), epoch };
}

/** The roots of all epochs of subject tokens in a keyring file of a test. */
export async function subjectRoots(keyringFile: string): Promise<ReadonlyMap<number, Buffer>> {
  const { subjectTokens } = JSON.parse(await readFile(keyringFile, 'utf8')) as {
    subjectTokens: { roots: Record<string, string> };
  };
  const roots = Object.entries(subjectTokens.roots);
  return new Map(roots.map(([epoch, root]) => [Number(epoch), Buffer.from(root, 'base64')]));
}

function hmac(key: Buffer, input: Buffer): Buffer {
  return createHmac('sha256', key).update(input).digest();
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
