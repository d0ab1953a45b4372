// The requests the runner sends itself: which brokers does the name server know, and does a broker tell of itself?
// Written here, and not taken from the project's own codecs, so that a fault there cannot hide itself.
import { createHmac } from 'node:crypto'
import { connect } from 'node:net'

const GET_BROKER_RUNTIME_INFO = 28
const GET_BROKER_CLUSTER_INFO = 106
const SUCCESS = 0
const ANSWER_MS_MAX = 3000

/** @returns the name server's cluster info as text (fastjson, so not parsed) */
export async function clusterInfo(port, signer) {
  return (await ask(port, GET_BROKER_CLUSTER_INFO, signer)).text
}

/** @returns whether a broker tells its figures, which RocketMQ cannot in its first second: it has none yet */
export async function hasRuntimeInfo(port, signer) {
  return (await ask(port, GET_BROKER_RUNTIME_INFO, signer)).code === SUCCESS
}

/** Sends a request without fields and body. @returns the code and the body of the answer */
function ask(port, code, signer) {
  const header = Buffer.from(
    JSON.stringify({
      code,
      language: 'OTHER',
      version: 0,
      opaque: 1,
      flag: 0,
      serializeTypeCurrentRPC: 'JSON',
      extFields: signer && signed(signer),
    }),
  )
  const frame = Buffer.alloc(8 + header.length)
  frame.writeInt32BE(4 + header.length, 0)
  frame.writeInt32BE(header.length, 4) // serialisation 0 (JSON) in the top byte
  header.copy(frame, 8)
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port })
    const timer = setTimeout(() => socket.destroy(new Error('no answer')), ANSWER_MS_MAX)
    let input = Buffer.alloc(0)
    socket.on('connect', () => socket.write(frame))
    socket.on('data', (bytes) => {
      input = Buffer.concat([input, bytes])
      if (input.length < 8 || input.length < 4 + input.readInt32BE(0)) return
      const headerEnd = 8 + input.readUIntBE(5, 3)
      resolve({
        code: JSON.parse(input.toString('utf8', 8, headerEnd)).code,
        text: input.toString('utf8', headerEnd, 4 + input.readInt32BE(0)),
      })
      socket.destroy()
    })
    socket.on('error', reject)
    socket.on('close', () => {
      clearTimeout(timer)
      reject(new Error('connection closed'))
    })
  })
}

/** The only field beside the signature is the access key, and there is no body. */
function signed({ accessKey, secretKey }) {
  return { AccessKey: accessKey, Signature: createHmac('sha1', secretKey).update(accessKey).digest('base64') }
}
