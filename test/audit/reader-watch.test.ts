import { expect, test } from '@jest/globals';
import { ReaderWatch } from '../../audit/reader-watch.ts';
import type { AccessEventFacts } from '../../audit/access-events.ts';
import { allow } from '../../kafka/acl.ts';
import type { GroupView } from '../../kafka/group-views.ts';

const TOPIC = 'clinical.patients.for-research';
const ACTOR = {
  kind: 'SYSTEM' as const,
  id: 'User:gauze-provisioner',
  roles: [],
  on_behalf_of: null,
  token_id: null,
};

function groupAt(offset: number, clientId = 'app-1'): GroupView {
  return {
    group: 'research-app',
    members: [{ clientId, host: '/10.0.0.7', topics: [TOPIC, 'other'] }],
    offsets: [
      { topic: TOPIC, partition: 0, offset },
      { topic: TOPIC, partition: 1, offset: 5 },
      { topic: 'other', partition: 0, offset: 99 },
    ],
  };
}

function watch(views: () => readonly GroupView[], record = async () => await Promise.resolve()) {
  const events: AccessEventFacts[] = [];
  const reader = new ReaderWatch({
    groups: async () => await Promise.resolve(views()),
    acls: async () =>
      await Promise.resolve([
        ...allow('User:research-app', ['read'], 'group', 'research-', 'prefixed'),
        ...allow('User:billing-app', ['read'], 'group', 'billing-', 'prefixed'),
        ...allow('User:gauze-provisioner', ['describe'], 'group', '*'),
      ]),
    isWatched: (topic) => topic === TOPIC,
    record: async (event) => {
      await record();
      events.push(event);
    },
    actor: ACTOR,
  });
  return { reader, events };
}

test('tells who reads a watched topic and how far, once, as observed from outside', async () => {
  const { reader, events } = watch(() => [groupAt(3)]);
  await reader.look();
  await reader.look();
  expect(events).toEqual([
    {
      type: 'session.observed',
      actor: ACTOR,
      action: 'R',
      phase: 'OBSERVED',
      ext: {
        group: 'research-app',
        topic: TOPIC,
        may_use_group: 'User:research-app',
        members: 'app-1@10.0.0.7',
        offsets: '0:?-3 1:?-5',
      },
    },
  ]);
});

test('tells each move of an offset from where to where, backwards too, and nothing that stayed', async () => {
  let view = groupAt(3);
  const { reader, events } = watch(() => [view]);
  for (const offset of [3, 8, 2]) {
    view = groupAt(offset);
    await reader.look();
  }
  expect(events.map(({ ext }) => ext?.['offsets'])).toEqual(['0:?-3 1:?-5', '0:3-8', '0:8-2']);
});

test('does not repeat what a client calls itself unless it looks like a name', async () => {
  const { reader, events } = watch(() => [groupAt(1, 'Erika Mustermann, 900-12-3456')]);
  await reader.look();
  expect(events[0]!.ext!['members']).toBe('?@10.0.0.7');
});

test('tells again what could not be written', async () => {
  let isDown = true;
  const record = async () => await (isDown ? Promise.reject(new Error('down')) : Promise.resolve());
  const { reader, events } = watch(() => [groupAt(3)], record);
  await expect(reader.look()).rejects.toThrow('down');
  isDown = false;
  await reader.look();
  expect(events).toHaveLength(1);
});
