/** The property that numbers the messages of a producer, queue by queue. */
export const SEQUENCE = 'TERN_SEQUENCE'

/** Most numbers of sends without an answer that a mark repeats. */
export const UNSURE_MAX = 32

/** What a message says of itself and of those that its producer sent to the same queue before. */
export interface SequenceMark {
  /** A name that no other producer has. */
  readonly producer: string
  /** Counts from 1. */
  readonly number: number
  /** Up to this number every send has ended, well unless it is among `unsure`. */
  readonly settled: number
  /** Numbers whose sends have failed: nobody was told that they are stored, and they may be. */
  readonly unsure: readonly number[]
}

/** `producer number settled unsure,unsure`, the last part left out where it is empty. */
export function sequenceText({ number, producer, settled, unsure }: SequenceMark): string {
  const parts = [producer, number, settled, ...(unsure.length > 0 ? [unsure.join()] : [])]
  return parts.join(' ')
}

/** Reads the property's value; undefined when it is none. */
export function parseSequence(text: string): SequenceMark | undefined {
  const match = /^(\S+) (\d{1,15}) (\d{1,15})(?: (\d{1,15}(?:,\d{1,15})*))?$/.exec(text)
  if (!match) return undefined
  const [, producer = '', number, settled, unsure] = match
  return {
    producer,
    number: Number(number),
    settled: Number(settled),
    unsure: unsure?.split(',').map(Number) ?? [],
  }
}
