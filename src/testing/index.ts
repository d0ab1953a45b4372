// The published face of the test broker: `ternmq/testing`.
export type { ReceivedMessage } from '../client/received-message.ts'
export type { Duration } from './duration.ts'
export { createTestBroker, type MessageWait, type TestBroker, type TestBrokerOptions } from './test-broker.ts'
