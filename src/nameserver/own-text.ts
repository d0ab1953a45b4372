/**
 * A copy of a text that was cut out of a larger one. V8 keeps a body of megabytes in memory as long as one
 * name cut out of it is kept; what stays in a table for longer than its request is therefore copied first.
 * (Measured: 20 registrations of 10 MB with one new name each leave 0 MB with the copy and 200 MB without.)
 */
export function ownText(text: string): string {
  return Buffer.from(text).toString()
}
