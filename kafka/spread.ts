/**
 * Which partition of a topic a name goes to. Whoever writes under a name and whoever looks for it must agree, so
 * there is this one way.
 */

/** Spreads names evenly over `count` partitions, the same name always to the same one (FNV-1a). */
export function spread(name: string, count: number): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % count;
}
