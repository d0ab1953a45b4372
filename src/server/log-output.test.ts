import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LogOutput } from './log-output.ts'

const line = '{"level":40,"time":0,"brokerName":"broker-a","unknown":["x y"],"msg":"a warning"}\n'

describe('LogOutput', () => {
  it('leaves lines as pino wrote them where no people read along', () => {
    const texts: string[] = []
    const output = new LogOutput((text) => texts.push(text), false)
    output.write(line)
    output.setFormat('auto')
    output.write(line)
    assert.deepEqual(texts, [line, line])
  })

  it('writes text for people, errors with their stack', () => {
    const texts: string[] = []
    const output = new LogOutput((text) => texts.push(text), true)
    output.write(line)
    output.setFormat('json')
    output.write(line)
    output.setFormat('text')
    output.write('{"level":50,"time":0,"err":{"message":"m","stack":"Error: m\\n at f"},"msg":"failed"}\n')
    assert.match(texts[0] ?? '', /^\d\d:\d\d:\d\d WARN {2}a warning brokerName=broker-a unknown=\["x y"\]\n$/)
    assert.equal(texts[1], line)
    assert.match(texts[2] ?? '', /ERROR failed\nError: m\n at f\n$/)
  })
})
