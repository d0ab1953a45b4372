import type { Command } from 'commander'
import { MqError } from '../../base/errors.ts'

/** A script for a shell that completes nouns, verbs and flags. @throws MqError invalidParameter for another shell */
export function completionScript(program: Command, shell: string): string {
  const words = wordsOf(program)
  switch (shell) {
    case 'bash':
      return bashScript(words)
    case 'zsh':
      return `#compdef ternmq\nautoload -U bashcompinit && bashcompinit\n${bashScript(words)}`
    case 'fish':
      return fishScript(words)
    default:
      throw new MqError('invalidParameter', `completion wants bash, zsh or fish, not "${shell}"`)
  }
}

/** What may follow each row of words. */
type Words = ReadonlyMap<string, readonly string[]>

function wordsOf(program: Command): Words {
  const words = new Map<string, string[]>()
  const visit = (command: Command, path: string): void => {
    const flags = command.options.flatMap(({ long }) => (long ? [long] : []))
    words.set(path, [...command.commands.map((each) => each.name()), ...flags])
    for (const each of command.commands) visit(each, path === '' ? each.name() : `${path} ${each.name()}`)
  }
  visit(program, '')
  return words
}

function bashScript(words: Words): string {
  const cases = [...words].map(([path, next]) => `    '${path}') words='${next.join(' ')}' ;;`)
  return `_ternmq() {
  local words='' path="\${COMP_WORDS[*]:1:COMP_CWORD-1}"
  path="\${path%% -*}"
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _ternmq ternmq
`
}

function fishScript(words: Words): string {
  const lines = [...words].flatMap(([path, next]) => {
    const when =
      path === ''
        ? '__fish_use_subcommand'
        : path
            .split(' ')
            .map((word) => `__fish_seen_subcommand_from ${word}`)
            .join('; and ')
    return next.map((word) =>
      word.startsWith('--')
        ? `complete -c ternmq -f -n '${when}' -l ${word.slice(2)}`
        : `complete -c ternmq -f -n '${when}' -a ${word}`,
    )
  })
  return `${lines.join('\n')}\n`
}
