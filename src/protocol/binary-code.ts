/** Request codes that do not fit the 16-bit code of a binary header (protocol/pitfalls.md 3). */
const WIDE_CODES = [200050, 200051, 200052, 200053, 200054, 200055, 200056, 200151] as const

const wideByNarrow = new Map<number, number>(WIDE_CODES.map((code) => [code & 0xffff, code]))

/**
 * The request code meant by the 16 bits of a binary header: Java clients send POP_MESSAGE 200050 as 3442. No other request
 * uses these numbers, so they are taken for the wide codes (the Java broker answers 3, "not supported").
 */
export function requestCodeOfBinary(code: number): number {
  return wideByNarrow.get(code & 0xffff) ?? code
}
