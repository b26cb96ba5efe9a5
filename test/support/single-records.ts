/**
 * Loaded before `gauze run` (`node --import`): every record gets a transaction of its own, which no setting asks for.
 */
import { Instance } from '../../topology/instance.ts';

const made = Instance.prototype['laneContext'];
Instance.prototype['laneContext'] = async function single(this: Instance) {
  const context = await made.call(this);
  return { ...context, limits: { ...context.limits, recordsPerTransaction: 1 } };
};
