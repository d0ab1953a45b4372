// The least a Node server can do with a stream: every chunk that comes goes back by one write. With a file it is written there
// first: the least that a server must do which stores what it answers. The raw benchmark divides by its CPU time, which takes the speed of
// the machine out of the result.
import { openSync, writeSync } from 'node:fs'
import { createServer } from 'node:net'

const [port, log] = process.argv.slice(2)
const file = log === undefined ? undefined : openSync(log, 'w')
const server = createServer({ noDelay: true }, (socket) => {
  socket.on('data', (chunk: Buffer) => {
    if (file !== undefined) writeSync(file, chunk)
    socket.write(chunk)
  })
  socket.on('error', () => socket.destroy()) // the generator goes away with answers on their way
})
server.listen(Number(port), '127.0.0.1')
