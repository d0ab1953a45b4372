import type { Command, Option } from 'commander'
import { MqError } from '../../base/errors.ts'
import { mqadminEntries } from './mqadmin.ts'

const shells: Readonly<Record<string, (places: readonly Place[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
}

/** A script for a shell that completes nouns, verbs, flags and their values. @throws MqError invalidParameter for another shell */
export function completionScript(program: Command, shell: string): string {
  const script = shells[shell]
  if (script) return script(placesOf(program))
  throw new MqError('invalidParameter', `completion wants ${Object.keys(shells).join(', ')}, not "${shell}"`)
}

/** Words, and what each is about. */
type Words = readonly (readonly [word: string, about: string])[]

/** A command, as the words that lead to it, and what may follow. */
interface Place {
  readonly path: string
  readonly commands: Words
  readonly flags: Words
  /** Values of a flag, where they are few; none where any may follow. */
  readonly values: readonly (readonly [flag: string, values: readonly string[]])[]
}

function placesOf(program: Command): Place[] {
  const places: Place[] = []
  const visit = (command: Command, path: string): void => {
    const commands = command.commands.map((each) => [each.name(), each.description()] as const)
    const options = command.options.filter(({ long, hidden }) => long !== undefined && !hidden)
    places.push({
      path,
      commands:
        path === 'mqadmin' ? mqadminEntries().map(({ name, verb }) => [name, verb] as const) : commands,
      flags: options.map(({ long, description }) => [long ?? '', description] as const),
      values: options.flatMap((option) =>
        takesValue(option) ? [[option.long ?? '', valuesOf(option)]] : [],
      ),
    })
    for (const each of command.commands) visit(each, path === '' ? each.name() : `${path} ${each.name()}`)
  }
  visit(program, '')
  return places
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional
}

/** `--target <retry|origin>` takes one of two words. */
function valuesOf({ flags }: Option): readonly string[] {
  const form = /<(.*)>/.exec(flags)?.[1] ?? ''
  return form.includes('|') ? form.split('|') : []
}

function bashScript(places: readonly Place[]): string {
  const words = ({ commands, flags }: Place): string =>
    [...commands, ...flags].map(([word]) => word).join(' ')
  return `_ternmq() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" at='' next='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="\${at:+$at }\${COMP_WORDS[i]}"
    case "$next" in
      ${patterns(places)}) at="$next" ;;
    esac
  done
  case "$at \${COMP_WORDS[COMP_CWORD-1]}" in
${valueCases(places, (values) => `COMPREPLY=($(compgen ${values.length > 0 ? `-W '${values.join(' ')}'` : '-f'} -- "$cur")); return`)}
  esac
  next=''
  case "$at" in
${places.map((place) => `    '${place.path}') next='${words(place)}' ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$next" -- "$cur"))
}
complete -F _ternmq ternmq
`
}

function zshScript(places: readonly Place[]): string {
  const described = ({ commands, flags }: Place): string =>
    [...commands, ...flags].map(([word, about]) => quoted(`${word}:${about}`)).join(' ')
  return `#compdef ternmq
_ternmq() {
  local at='' next='' i
  local -a those
  for ((i = 2; i < CURRENT; i++)); do
    next="\${at:+$at }\${words[i]}"
    case "$next" in
      ${patterns(places)}) at="$next" ;;
    esac
  done
  case "$at \${words[CURRENT-1]}" in
${valueCases(places, (values) => (values.length > 0 ? `compadd ${values.join(' ')}; return` : '_files; return'))}
  esac
  case "$at" in
${places.map((place) => `    '${place.path}') those=(${described(place)}) ;;`).join('\n')}
  esac
  _describe ternmq those
}
if [ "$funcstack[1]" = _ternmq ]; then _ternmq "$@"; else compdef _ternmq ternmq; fi
`
}

function fishScript(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, commands, flags, values }) => {
    const when = `complete -c ternmq -n 'test (__ternmq_at) = "${path}"'`
    const valuesOfFlag = new Map(values)
    return [
      ...commands.map(([word, about]) => `${when} -a ${word} -d ${quoted(about)}`),
      ...flags.map(([flag, about]) => {
        const given = valuesOfFlag.get(flag)
        const value = given ? ` -r${given.length > 0 ? ` -f -a '${given.join(' ')}'` : ' -F'}` : ''
        return `${when} -l ${flag.slice(2)}${value} -d ${quoted(about)}`
      }),
    ]
  })
  return `set -g __ternmq_commands ${places.map(({ path }) => `'${path}'`).join(' ')}
function __ternmq_at
  set -l at ''
  for word in (commandline -opc)[2..]
    set -l next (string trim -- "$at $word")
    contains -- "$next" $__ternmq_commands; and set at $next
  end
  echo $at
end
complete -c ternmq -f
${lines.join('\n')}
`
}

/** Paths of all commands, as a pattern of `case`. */
function patterns(places: readonly Place[]): string {
  return places.flatMap(({ path }) => (path === '' ? [] : [`'${path}'`])).join('|')
}

function valueCases(places: readonly Place[], act: (values: readonly string[]) => string): string {
  return places
    .flatMap(({ path, values }) => values.map(([flag, words]) => `    '${path} ${flag}') ${act(words)} ;;`))
    .join('\n')
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
