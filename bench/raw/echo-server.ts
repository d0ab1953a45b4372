// The least a Node server can do with a stream: every chunk that comes goes back by one write. The raw benchmark
// divides by its CPU time, which takes the speed of the machine out of the result. It prints its port.
import { createServer } from 'node:net'

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('data', (chunk: Buffer) => socket.write(chunk))
  socket.on('error', () => socket.destroy()) // the generator goes away with answers on their way
})
server.listen(Number(process.argv[2]), '127.0.0.1')
