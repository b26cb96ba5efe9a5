/**
 * The file of the local index: opened, checked to be about this very site, begun anew. It is made for its owner's eyes
 * only, since it holds subject tokens. It decides nothing: what it says can be read again from the topics.
 */
import { chmodSync, closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import { GauzeError } from '../../platform/errors.ts';
import { INDEX_FORMAT, INDEX_TABLES } from './index-tables.ts';

/** The text, or the number as text, in a column. */
export function cellText(row: Row, column: string): string {
  return String(row[column] ?? '');
}

/** Which site an index is about. */
export interface IndexedSite {
  readonly clusterId: string;
  /** Prefix of gauze's own topics. */
  readonly prefix: string;
}

/** A value of a row. */
export type Cell = string | number | bigint | Uint8Array | null;
export type Row = Readonly<Record<string, Cell>>;

const OWNER_ONLY = 0o600;
const OWNER_FOLDER = 0o700;
/** How long another command may hold the file. */
const BUSY_MS = 30_000;

export class AuditIndex {
  readonly file: string;
  private readonly database: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();

  private constructor(file: string, database: DatabaseSync) {
    this.file = file;
    this.database = database;
  }

  /**
   * Opens the index, or begins one; `:memory:` keeps none. Throws ERR_AUDIT_INDEX_FILE (no such index can be kept
   * there), ERR_AUDIT_INDEX_OTHER (it is about another site, or of another format).
   */
  static open(file: string, site: IndexedSite): AuditIndex {
    const index = new AuditIndex(file, openDatabase(file));
    try {
      index.begin(site);
      return index;
    } catch (thrown) {
      index.close();
      throw thrown instanceof GauzeError ? thrown : new GauzeError('ERR_AUDIT_INDEX_FILE', { file });
    }
  }

  /** Removes the index; nothing is lost but the time to make it again. */
  static remove(file: string): void {
    for (const part of [file, `${file}-wal`, `${file}-shm`]) rmSync(part, { force: true });
  }

  /** All rows that `sql` finds. */
  all(sql: string, ...values: readonly Cell[]): readonly Row[] {
    return this.statement(sql).all(...values);
  }

  /** The first row that `sql` finds. */
  get(sql: string, ...values: readonly Cell[]): Row | undefined {
    return this.statement(sql).get(...values);
  }

  /** The rows one after the other, whole numbers as bigint. */
  *each(sql: string, ...values: readonly Cell[]): Generator<Row> {
    const statement = this.database.prepare(sql);
    statement.setReadBigInts(true);
    for (const row of statement.iterate(...values)) yield row;
  }

  /** Changes rows; gives how many, and the id of the last one added. */
  run(sql: string, ...values: readonly Cell[]): { readonly changes: number; readonly lastId: number } {
    const { changes, lastInsertRowid } = this.statement(sql).run(...values);
    return { changes: Number(changes), lastId: Number(lastInsertRowid) };
  }

  /** All of `work`, or nothing of it, whatever happens to this process. */
  atOnce<T>(work: () => T): T {
    this.database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.database.exec('COMMIT');
      return result;
    } catch (error) {
      this.database.exec('ROLLBACK');
      throw error;
    }
  }

  /** Bytes of the file. */
  get size(): number {
    const pages = this.get('PRAGMA page_count')?.['page_count'];
    const bytes = this.get('PRAGMA page_size')?.['page_size'];
    return Number(pages) * Number(bytes);
  }

  close(): void {
    this.statements.clear();
    this.database.close();
  }

  private begin({ clusterId, prefix }: IndexedSite): void {
    const wanted = { format: INDEX_FORMAT, cluster: clusterId, prefix };
    const { file } = this;
    this.atOnce(() => {
      const isThere = this.get("SELECT 1 AS found FROM sqlite_master WHERE type = 'table'") !== undefined;
      if (!isThere) {
        this.database.exec(INDEX_TABLES);
        for (const [name, value] of Object.entries(wanted))
          this.run('INSERT INTO meta (name, value) VALUES (?, ?)', name, value);
        return;
      }
      const found = Object.fromEntries(
        this.all('SELECT name, value FROM meta').map((row) => [String(row['name']), row['value']]),
      );
      const isOther = Object.entries(wanted).some(([name, value]) => found[name] !== value);
      if (isOther) throw new GauzeError('ERR_AUDIT_INDEX_OTHER', { file });
    });
  }

  private statement(sql: string): StatementSync {
    const known = this.statements.get(sql);
    if (known) return known;
    const statement = this.database.prepare(sql);
    this.statements.set(sql, statement);
    return statement;
  }
}

function openDatabase(file: string): DatabaseSync {
  try {
    if (file !== ':memory:') {
      mkdirSync(dirname(file), { recursive: true, mode: OWNER_FOLDER });
      // Made before SQLite opens it, so that it is at no time open to others; its journals take over its rights.
      closeSync(openSync(file, 'a', OWNER_ONLY));
      chmodSync(file, OWNER_ONLY);
    }
    const database = new DatabaseSync(file, { timeout: BUSY_MS });
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536;');
    return database;
  } catch {
    throw new GauzeError('ERR_AUDIT_INDEX_FILE', { file });
  }
}
