import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { flameOf, flameSvg } from './flame-graph.ts'

const node = (id: number, functionName: string, url: string, children: number[] = []) => ({
  ...{ id, children },
  callFrame: { functionName, url },
})

const profile = {
  nodes: [
    node(1, '(root)', '', [2, 6]),
    node(2, 'load', 'file:///p/dist/bench/load.js', [3, 4]),
    node(3, 'scan', 'file:///p/dist/protocol/scan.js', [5]),
    node(4, 'scan', 'file:///p/dist/protocol/scan.js'),
    node(5, 'copy', 'node:buffer'),
    node(6, '(idle)', ''),
  ],
  samples: [2, 3, 4, 5, 6],
  timeDeltas: [1000, 10, 20, 30, 5000],
}

describe('flameOf', () => {
  it('leaves out the load and what was idle, and puts frames of one function together', () => {
    assert.deepEqual(flameOf(profile), {
      ...{ name: 'all', url: '', us: 60 },
      callees: [
        {
          ...{ name: 'scan', url: 'file:///p/dist/protocol/scan.js', us: 60 },
          callees: [{ name: 'copy', url: 'node:buffer', us: 30, callees: [] }],
        },
      ],
    })
  })
})

describe('flameSvg', () => {
  it('draws a frame as wide as its share, and says it', () => {
    const svg = flameSvg('sends <a>', flameOf(profile))
    assert.match(svg, /<title>copy buffer: 50\.0 %|<title>copy node:buffer: 50\.0 %/)
    assert.match(svg, /width="600\.0"/)
    assert.match(svg, /sends &lt;a&gt;/)
  })
})
