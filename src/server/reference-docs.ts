import { type ErrorKind, errorKinds } from '../base/errors.ts'
import { responseCodeName } from '../protocol/response-code.ts'
import { responseCodeOf } from '../remoting/response-code-of.ts'
import { environmentName, flagName } from './config.ts'
import { settingHeadings, settingNames, settingOf } from './settings.ts'

const SETTINGS_HEAD = ['| setting | default | bounds | at run time | what it does |', '|---|---|---|---|---|']

/** docs/settings.md, printed from the table of settings. */
export function settingsDoc(): string {
  const rows = settingNames.flatMap((name) => {
    const { about, bounds, fallback, isDynamic } = settingOf(name)
    const initial = fallback === '' ? '(empty)' : `\`${String(fallback)}\``
    const row = `| \`${name}\` | ${initial} | ${cell(bounds)} | ${isDynamic ? 'yes' : ''} | ${cell(about)} |`
    const heading = settingHeadings[name]
    return heading === undefined ? [row] : ['', `## ${heading}`, '', ...SETTINGS_HEAD, row]
  })
  const example = 'mappedFileSizeCommitLog'
  return [
    '# Settings',
    '',
    'Printed from the table in `src/server/settings.ts` by `npm run docs`. Where RocketMQ has a key, its spelling is the name; names of our',
    'own carry their unit last.',
    '',
    `A value is taken from the first of: flag (\`--${flagName(example)}\`), environment (\`${environmentName(example)}\`, and \`NAMESRV_ADDR\` for`,
    '`namesrvAddr`), what was changed at run time (`<store>/config/dynamic.json`), the file given with `-c` (properties, or YAML if its name ends',
    'in `.yaml` or `.yml`), the default. An unknown key in a file is named once and kept without effect; an unknown flag, or a value out of',
    'bounds, stops the start with an error that names it. `ternmq broker -c broker.conf --print-config` prints what would count.',
    ...rows,
    '',
  ].join('\n')
}

/** docs/errors.md, printed from the kinds of errors and the codes that the RocketMQ door answers with. */
export function errorsDoc(): string {
  const rows = Object.entries(errorKinds).map(([kind, about]) => {
    const code = responseCodeOf(kind as ErrorKind)
    return `| \`${kind}\` | ${code} ${responseCodeName(code) ?? ''} | ${cell(about)} |`
  })
  return [
    '# Errors',
    '',
    'Printed from `errorKinds` in `src/base/errors.ts` and the table of the RocketMQ door by `npm run docs`. Every expected failure has a kind;',
    'each door turns it into its own code. The text of an error names the thing and the value.',
    '',
    '| kind | answered to RocketMQ clients as | when |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
