import type { Client } from 'ternmq/client'

/** What the tests beside this file test: orders that nobody has paid are cancelled after ten minutes. */
export class Reminder {
  readonly cancelled: string[] = []
  readonly #client: Client
  readonly #paid = new Set<string>()

  constructor(client: Client) {
    this.#client = client
  }

  async placed(order: string): Promise<void> {
    await this.#client.producer().send({ topic: 'unpaid', body: order, delayLevel: 14 }) // 10 minutes
  }

  paid(order: string): void {
    this.#paid.add(order)
  }

  start(): void {
    void this.#client.consumer({ group: 'reminder', topic: 'unpaid', from: 'earliest' }).run(({ text }) => {
      if (!this.#paid.has(text)) this.cancelled.push(text)
    })
  }
}
