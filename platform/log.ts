/**
 * The log: constant messages and a closed set of fields; everything else is stripped before it is written.
 * At no level does it write a value, key, header, token or foreign error text, so a careless call can't leak.
 */
import pino from 'pino';
import { foreignName, GauzeError } from './errors.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
/**
 * `error`: a person must act; `warn`: worse than it should be, recovers; `info`: start, stop, rebalance,
 * policy in force; `debug`: decisions; `trace`: coordinates of each record.
 */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** All fields there are, each with the one kind of value it takes. */
const FIELD_TYPES = {
  topic: 'string',
  partition: 'number',
  offset: 'number',
  audience: 'string',
  policyVersion: 'number',
  schemaId: 'number',
  node: 'string',
  stage: 'string',
  errorCode: 'string',
  outcome: 'string',
  jobId: 'string',
  attempt: 'number',
  count: 'number',
  durationMs: 'number',
  state: 'string',
  /** Id of a grant, which is that of its request. */
  grant: 'string',
  /** Number of a seal. */
  seal: 'number',
  cause: 'string',
  setting: 'string',
  role: 'string',
  host: 'string',
  port: 'number',
  /** Number of a worker under `gauze run --workers`, from 0. */
  worker: 'number',
} as const;

interface TypeByName {
  string: string;
  number: number;
}

/** Who, where, which. `error` may be anything thrown: of ours code and context are written, of others the class name. */
export type LogFields = {
  readonly [Name in keyof typeof FIELD_TYPES]?: TypeByName[(typeof FIELD_TYPES)[Name]];
} & { readonly error?: unknown };

/** Has no property: assignable to a record of open keys, not to one that asks for a certain key. */
type Nothing = { [Key in never]: 1 };

/** A text known when the code is written: a variable or an interpolated text is a type error. */
export type Constant<M extends string> = Nothing extends Record<M, 1> ? never : M;

/** One method for each level; `child` adds fields to every line. */
export interface Logger {
  trace<M extends string>(message: Constant<M>, fields?: LogFields): void;
  debug<M extends string>(message: Constant<M>, fields?: LogFields): void;
  info<M extends string>(message: Constant<M>, fields?: LogFields): void;
  warn<M extends string>(message: Constant<M>, fields?: LogFields): void;
  error<M extends string>(message: Constant<M>, fields?: LogFields): void;
  child(fields: LogFields): Logger;
}

/** Where lines go: a stream, or anything that takes text. */
export interface LogDestination {
  write(line: string): unknown;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** Default: the standard error stream, so that output of commands stays clean. */
  readonly destination?: LogDestination;
  /** `line`: one readable line for a terminal; `json`: one object a line (default). */
  readonly format?: 'json' | 'line';
}

/** Longest text of one field; a name is shorter, a payload is not. */
const MAX_TEXT_LENGTH = 300;

type Written = Record<string, string | number>;

/** A log of its own; nothing is shared between two. */
export function createLogger(options: LogOptions): Logger {
  const destination = options.destination ?? process.stderr;
  const target = options.format === 'line' ? readable(destination) : destination;
  const root = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => void target.write(line) },
  );
  return wrap(root);
}

function wrap(target: pino.Logger): Logger {
  const at =
    (level: Exclude<LogLevel, 'silent'>) =>
    (message: string, fields: LogFields = {}): void => {
      if (target.isLevelEnabled(level)) target[level](allowed(fields), message);
    };
  return {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => wrap(target.child(allowed(fields))),
  };
}

/** The fields that may be written; unknown names and wrong kinds of value vanish. */
function allowed(fields: LogFields): Written {
  const written: Written = {};
  for (const [name, value] of Object.entries(fields)) {
    const type = Object.hasOwn(FIELD_TYPES, name) ? FIELD_TYPES[name as keyof typeof FIELD_TYPES] : null;
    if (type !== null && typeof value === type) add(written, name, value as string | number);
  }
  return fields.error === undefined ? written : { ...written, ...ofError(fields.error) };
}

function ofError(error: unknown): Written {
  if (!(error instanceof GauzeError)) return { errorCode: 'ERR_INTERNAL', causeName: foreignName(error) };
  const written: Written = { errorCode: error.code };
  for (const [name, value] of Object.entries(error.context)) {
    if (value !== undefined) add(written, name, value);
  }
  return written;
}

function add(written: Written, name: string, value: string | number): void {
  if (typeof value === 'number') written[name] = value;
  else written[name] = value.replace(/\s+/g, ' ').slice(0, MAX_TEXT_LENGTH);
}

/** `10:31:07 info  lane started  audience=research partition=3` */
function readable(destination: LogDestination): LogDestination {
  return {
    write: (line: string) => {
      const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, string | number>;
      const clock = String(time).slice(11, 19);
      const words = Object.entries(fields).map(([name, value]) => `${name}=${value}`);
      destination.write(`${clock} ${String(level).padEnd(5)} ${[msg, ...words].join('  ')}\n`);
    },
  };
}
