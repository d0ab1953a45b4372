import { styleText } from 'node:util'
import type { CheckState } from '../verb.ts'
import type { Terminal } from './environment.ts'

/** Whether what is printed may be coloured: on terminals that can, unless `NO_COLOR` is set (no-color.org). */
function isColoured({ isTerminal, variables }: Terminal): boolean {
  return isTerminal && !variables.NO_COLOR && variables.TERM !== 'dumb'
}

export function bold(text: string, environment: Terminal): string {
  return isColoured(environment) ? styleText('bold', text, { validateStream: false }) : text
}

const colours = { OK: 'green', WARNING: 'yellow', CRITICAL: 'red', UNKNOWN: 'magenta' } as const

/** A state of a check, in its colour. */
export function stateText(state: CheckState, environment: Terminal): string {
  return isColoured(environment) ? styleText(colours[state], state, { validateStream: false }) : state
}
