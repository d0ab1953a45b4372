import type { Option } from '../admin/option.ts'
import type { Verb } from '../admin/verb.ts'
import { nouns, verbs } from '../admin/verbs.ts'
import { flagName } from './config.ts'

/** docs/verbs.md: every verb of the command line with its options, printed from the verbs themselves. */
export function verbsDoc(): string {
  const alone = verbs.filter(({ noun }) => noun === '')
  return [
    '# Verbs of the command line',
    '',
    'Printed from the verbs in `src/admin/` by `npm run docs`. [cli](cli.md) says how they are used; every one takes `-n`, `--context` and',
    '`--json` too, and `--yes` where a name has to be typed before something is destroyed (marked !).',
    '',
    '## Without a noun',
    '',
    ...tableOf(alone),
    ...Object.entries(nouns).flatMap(([noun, about]) => [
      '',
      `## ${noun}`,
      '',
      `${about[0]?.toUpperCase()}${about.slice(1)}.`,
      '',
      ...tableOf(verbs.filter((verb) => verb.noun === noun)),
    ]),
    '',
  ].join('\n')
}

function tableOf(of: readonly Verb[]): string[] {
  return ['| verb | what it does | options |', '|---|---|---|', ...of.map(rowOf)]
}

function rowOf({ noun, name, about, options, positional, destroys }: Verb): string {
  const words = positional.map((each) =>
    options[each]?.isRequired ? `<${flagName(each)}>` : `[${flagName(each)}]`,
  )
  const flags = Object.entries(options).filter(([each]) => !positional.includes(each))
  const shown = flags.map(([each, option]) => `\`${flagText(each, option)}\``).join(', ')
  const verb = [noun, name, ...words].filter(Boolean).join(' ')
  return `| \`${verb}\`${destroys ? ' !' : ''} | ${about} | ${shown.replaceAll('|', '\\|')} |`
}

function flagText(name: string, { form }: Option<unknown>): string {
  return form === '' ? `--${flagName(name)}` : `--${flagName(name)} ${form}`
}
