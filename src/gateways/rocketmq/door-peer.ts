import type { Topic } from '../../broker/topic-table.ts'
import { hostBytes } from '../../protocol/message-codec.ts'
import type { RemotingConnection } from '../../remoting/remoting-connection.ts'
import { type SendAnswerForm, SendAnswers } from './send-answers.ts'

/** What this door keeps of a connection for its hot paths. */
export class DoorPeer {
  /** Address and port of the client, as records carry it. */
  readonly bornHost: Buffer
  readonly answers: SendAnswers
  /** Topic of the last send: mostly that of the next. */
  lastTopic: Topic | undefined

  private constructor(connection: RemotingConnection, form: SendAnswerForm) {
    this.bornHost = hostBytes({ ip: connection.remote.host, port: connection.remote.port })
    this.answers = new SendAnswers(connection, form)
  }

  static of(connection: RemotingConnection, form: SendAnswerForm): DoorPeer {
    const known = connection.attachment
    if (known instanceof DoorPeer) return known
    const peer = new DoorPeer(connection, form)
    connection.attachment = peer
    return peer
  }
}
