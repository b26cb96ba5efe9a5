/**
 * A witness in a process of its own that dies between remembering a checkpoint and answering, with no time to clean
 * up. Arguments: folder, vkey of the log. Prints its address.
 */
import { Witness } from '../../audit/witness/witness.ts';
import { startWitnessServer } from '../../audit/witness/witness-server.ts';
import { WitnessState } from '../../audit/witness/witness-state.ts';
import { parseVkey } from '../../audit/signed-note.ts';
import { createLogger } from '../../platform/log.ts';

const [folder, vkey] = process.argv.slice(2) as [string, string];
const state = await WitnessState.open(folder);
const witness = new Witness({
  state,
  logKeys: [parseVkey(vkey)],
  onRemembered: () => process.kill(process.pid, 'SIGKILL'),
});
const { url } = await startWitnessServer({
  witness,
  host: '127.0.0.1',
  port: 0,
  log: createLogger({ level: 'silent' }),
});
process.stdout.write(`${url}\n`);
