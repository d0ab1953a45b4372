import { fastJsonBytes } from './fastjson-writer.ts'
import { CLIENT_BODY_BYTES_MAX, JsonFields } from './json-fields.ts'
import { readSubscriptionData, type SubscriptionData, subscriptionDataJson } from './subscription-data.ts'

/**
 * Asks whether the broker can filter by an expression that is not by tags: the body of CHECK_CLIENT_CONFIG.
 */
export interface ClientConfigCheck {
  readonly clientId: string
  readonly group: string
  readonly subscriptionData: SubscriptionData
  readonly namespace?: string
}

/** Writes the body of CHECK_CLIENT_CONFIG. */
export function encodeClientConfigCheck(check: ClientConfigCheck): Buffer {
  const { clientId, group, namespace } = check
  return fastJsonBytes({
    clientId,
    group,
    namespace,
    subscriptionData: subscriptionDataJson(check.subscriptionData),
  })
}

/** @throws MqError badBody when a field is missing or of another type */
export function decodeClientConfigCheck(body: Buffer): ClientConfigCheck {
  const fields = JsonFields.ofBody(body, 'client config check', CLIENT_BODY_BYTES_MAX)
  const namespace = fields.optionalText('namespace')
  return {
    clientId: fields.text('clientId'),
    group: fields.text('group'),
    subscriptionData: readSubscriptionData(fields.object('subscriptionData')),
    ...(namespace === undefined ? {} : { namespace }),
  }
}
