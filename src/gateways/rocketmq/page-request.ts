import type { PageRequest } from '../../broker/metadata-page.ts'
import type { Request } from '../../protocol/request.ts'

const INT32_MAX = 2_147_483_647

/**
 * The page of a table that a request asks for; undefined from tools before 5.3.4, which want all of it.
 * @throws MqError invalidParameter
 */
export function pageRequestOf(
  request: Request,
  seqName: string,
  countMaxName: string,
): PageRequest | undefined {
  const isPaged = [seqName, countMaxName, 'dataVersion'].some(
    (name) => request.optionalText(name) !== undefined,
  )
  if (!isPaged) return undefined
  return {
    seq: request.optionalInteger(seqName, 0),
    countMax: request.optionalInteger(countMaxName, INT32_MAX),
    dataVersion: request.optionalText('dataVersion') ?? '',
  }
}
