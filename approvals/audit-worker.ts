/**
 * The thread of the audit office: takes questions as messages, gives answers, failures and the status as messages. Of
 * a failure only its code and coordinates go across.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { ownError } from '../platform/errors.ts';
import { AuditOffice } from './audit-office.ts';
import type { FromOffice, ToOffice } from './audit-room.ts';
import type { AuditSettings } from './audit-settings.ts';

const port = parentPort;

if (port) {
  const say = (message: FromOffice): void => port.postMessage(message);
  const office = new AuditOffice(workerData as AuditSettings, (status) => say({ kind: 'status', status }));
  port.on('message', (message: ToOffice) => {
    if (message.kind === 'close') void office.close().finally(() => port.close());
    else {
      const { id, question, asker } = message;
      office.ask(question, asker).then(
        (answer) => say({ kind: 'answer', id, answer }),
        (thrown: unknown) => {
          const { code, context } = ownError(thrown);
          say({ kind: 'failure', id, code, context });
        },
      );
    }
  });
  void office.run();
}
