/**
 * JSON Schema as plain data, and a few shapes of it that the schemas for editors are made from.
 */

/** A JSON Schema, as far as it is looked into here. */
export interface JsonSchema {
  [keyword: string]: unknown;
}

/** One of the words of a table, each with its meaning. */
export function choices<T>(table: Readonly<Record<string, T>>, meaning: (row: T) => string): JsonSchema {
  return { oneOf: Object.entries(table).map(([word, row]) => ({ const: word, description: meaning(row) })) };
}
