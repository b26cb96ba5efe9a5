/**
 * The headers of an output record: of the raw record's those that the policy names, as they are. It must never write
 * another one.
 */
import type { RecordBatchWriter } from '../kafka/record-batch-writer.ts';
import type { RecordCursor } from '../kafka/record-cursor.ts';

/** Writes the count and the headers of the record under the cursor whose names are in `names`. */
export function writeHeaders(
  cursor: RecordCursor,
  writer: RecordBatchWriter,
  names: ReadonlySet<string>,
): void {
  if (cursor.headerCount === 0 || names.size === 0) return writer.number(0);
  let kept = 0;
  const passes = (start: number, end: number): boolean =>
    names.has(cursor.bytes.toString('utf8', start, end));
  cursor.headers((nameStart, nameEnd) => {
    if (passes(nameStart, nameEnd)) kept++;
  });
  writer.number(kept);
  cursor.headers((nameStart, nameEnd, valueStart, valueEnd) => {
    if (!passes(nameStart, nameEnd)) return;
    writer.field(cursor.bytes, nameStart, nameEnd);
    if (valueStart < 0) writer.nullField();
    else writer.field(cursor.bytes, valueStart, valueEnd);
  });
}
