import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FRAME_PREFIX_BYTES } from '#ternmq/protocol/frame.ts'
import { HeaderScan } from '#ternmq/protocol/header-scan.ts'
import { isSigned, RequestSigner, SIGNATURE } from '#ternmq/protocol/signature.ts'
import { frameVectors } from './vectors.ts'

/** Made up for the capture (README.md). */
const SECRET = '12345678'

describe('signatures of the official client', () => {
  const signed = frameVectors().filter(
    ({ part, decoded }) => part === 'request' && decoded.extFields?.[SIGNATURE] !== undefined,
  )

  it('are there', () => {
    assert.equal(signed.length, 4)
  })

  for (const { name, frame, body, decoded } of signed) {
    it(`${name} is verified, and made anew`, () => {
      const scan = new HeaderScan()
      const headerEnd = FRAME_PREFIX_BYTES + decoded.headerLength
      scan.read(frame, FRAME_PREFIX_BYTES, headerEnd, 0)
      assert.equal(isSigned(scan, headerEnd, frame.length, SECRET), true)
      assert.equal(isSigned(scan, headerEnd, frame.length, `${SECRET}9`), false)
      const { AccessKey: accessKey = '', Signature: signature, ...fields } = decoded.extFields ?? {}
      const signer = new RequestSigner({ accessKey, secretKey: SECRET })
      assert.equal(signer.signed(fields, body)[SIGNATURE], signature)
    })
  }
})
