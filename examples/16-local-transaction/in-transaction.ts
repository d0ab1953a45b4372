import type sqlite from 'node-sqlite3-wasm'

/** Keeps all of what `work` changes, or, where it throws, nothing. */
export function inTransaction<T>(database: sqlite.Database, work: () => T): T {
  database.exec('BEGIN')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}
