import { fastJsonBytes } from './fastjson-writer.ts'
import { JsonFields } from './json-fields.ts'
import { readSubscriptionData, type SubscriptionData, subscriptionDataJson } from './subscription-data.ts'

/** What a group subscribes to of a topic: the body of QUERY_SUBSCRIPTION_BY_CONSUMER's answer. */
export interface GroupSubscription {
  readonly group: string
  readonly topic: string
  /** Absent when nobody of the group is online. */
  readonly subscriptionData?: SubscriptionData
}

/** Writes the answer of QUERY_SUBSCRIPTION_BY_CONSUMER. */
export function encodeGroupSubscription({ group, subscriptionData, topic }: GroupSubscription): Buffer {
  return fastJsonBytes({
    group,
    subscriptionData: subscriptionData && subscriptionDataJson(subscriptionData),
    topic,
  })
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeGroupSubscription(body: Buffer): GroupSubscription {
  const fields = JsonFields.ofBody(body, 'group subscription')
  const subscription = fields.optionalObject('subscriptionData')
  return {
    group: fields.text('group'),
    topic: fields.text('topic'),
    ...(subscription === undefined ? {} : { subscriptionData: readSubscriptionData(subscription) }),
  }
}

/** Whether a group may read a topic: the body of UPDATE_AND_GET_GROUP_FORBIDDEN's answer. */
export interface GroupForbidden {
  readonly group: string
  readonly topic: string
  readonly readable: boolean
}

/** Writes the answer of UPDATE_AND_GET_GROUP_FORBIDDEN. */
export function encodeGroupForbidden({ group, readable, topic }: GroupForbidden): Buffer {
  return fastJsonBytes({ group, readable, topic })
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeGroupForbidden(body: Buffer): GroupForbidden {
  const fields = JsonFields.ofBody(body, 'group forbidden')
  return { group: fields.text('group'), topic: fields.text('topic'), readable: fields.flag('readable', true) }
}
