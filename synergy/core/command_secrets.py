"""Secrets among the words of commands: `--password PW`, `mysql -pPW`, `curl -u user:PW`.

What an option means depends on the program: `-p` is a port for ssh and a password for mysql. The
table says which options of which programs carry secrets; long options say it by their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache, partial
from typing import Final

from synergy.core.late_pattern import late_pattern
from synergy.core.secret_names import is_secret, is_weak
from synergy.core.structs import Struct
from synergy.core.uri import MASK


class _Program(Struct, frozen=True, kw_only=True):
    """Options of some programs. words: what has to be said beside; None: nothing.

    secret: short options whose value is secret; pair: whose value is `user:secret`.
    """

    names: str
    secret: str = ''
    pair: str = ''
    words: str | None = None


_PROGRAMS: Final = (
    _Program(
        names='mysql mysqldump mysqladmin mysqlimport mysqlshow mysqlcheck mysqlpump mysqlsh '
        'mysqlbinlog mariadb mariadb-dump mariadb-admin xtrabackup mydumper',
        secret='p',
    ),
    _Program(
        names='mongo mongosh mongodump mongorestore mongoexport mongoimport mongostat mongotop '
        'mongofiles bsondump arangosh cqlsh beeline influx couchbase-cli clickhouse-client '
        'sshpass 7z 7za 7zr rar unrar useradd usermod psexec winexe nxc crackmapexec evil-winrm',
        secret='p',
    ),
    _Program(names='docker podman nerdctl buildah helm oras crane', secret='p', words='login'),
    _Program(names='az oc cf ibmcloud heroku', secret='p', words='login'),
    _Program(names='curl', pair='uU', secret='b'),
    _Program(names='http https xh', pair='a'),
    _Program(names='redis-cli valkey-cli keydb-cli', secret='a'),
    _Program(
        names='ldapsearch ldapmodify ldapadd ldapdelete ldapwhoami ldappasswd ldapcompare',
        secret='w',
    ),
    _Program(names='smbclient rpcclient smbget smbmap net', pair='U'),
    _Program(names='sqlcmd bcp isql osql tsql zip unzip zipcloak ipmitool', secret='P'),
    _Program(names='mosquitto_pub mosquitto_sub impala-shell', secret='P'),
    _Program(names='snmpget snmpwalk snmpset snmpbulkwalk snmptable', secret='cAX'),
    _Program(names='lftp ncftp ncftpput', pair='u', secret='p'),
    _Program(names='ffmpeg rdesktop', secret='p'),
)  # fmt: skip
_PROGRAM_BY_NAME: Final = {name: item for item in _PROGRAMS for name in item.names.split()}
_NAMES: Final = late_pattern(
    r'(?<![\w.-])(' + '|'.join(map(re.escape, sorted(_PROGRAM_BY_NAME, key=len, reverse=True)))
    + r')(?:\.exe)?(?![\w-])'
)  # fmt: skip
#: A value: quoted, to its closing quote or the end; or up to a space or a quote.
_VALUE: Final = r"""(?:•••|"(?:\\.|[^"\\\n])*+"?|'[^'\n]*+'?|(?:\\.|[^\s"'\\])++)"""
#: Between an option and its value, also in the texts of lists.
_GAP: Final = r"""(?:["'][ \t]*,[ \t]*(?=["'])|[ \t]*=[ \t]*|[ \t]+(?:\\\n[ \t]*)?)"""
_LONG: Final = late_pattern(
    rf"""(?<![\w-])(--?[A-Za-z][\w.-]*+)(?:(=)|({_GAP})(?!["']?--))({_VALUE})"""
)
_LONG_WORD: Final = late_pattern(r'--?([A-Za-z][\w.-]*)(?:=(.*))?', re.S)
#: `echo SECRET | sudo -S`, and what else reads one from its input.
_FED: Final = late_pattern(
    r'\b(?:echo|printf)\b[^|\n]{0,300}(?=\|[^|\n]{0,200}?(?:sudo\b[^|\n]{0,80}-S|--password-stdin'
    r'|--stdin|chpasswd|-passphrase-fd|cryptsetup|passwd))'
)
_ORACLE: Final = late_pattern(
    r'(\b(?:sqlplus|sqlldr|expdp|impdp|rman)\b[^\n]{0,80}?\s[\w$#]{1,60}/)[^\s@]+(?=@|\s|$)'
)
_OPENSSL: Final = late_pattern(rf"""(-pass(?:in|out)?["',= \t]{{1,8}}pass:){_VALUE}""")
_NETRC: Final = late_pattern(
    rf'(\b(?:login|user|account)[ \t]+\S{{1,200}}\s{{1,20}}password[ \t]{{1,20}}){_VALUE}', re.I
)
_SETX: Final = late_pattern(r'(\bsetx?[ \t]+\w{0,40}(?i:key|token|secret|pass\w*|pwd)[ \t]+)\S+')
_VAULT: Final = late_pattern(r'(\bvault[ \t]+login[ \t]+)(?!-)\S+')
_XFREERDP: Final = late_pattern(r'(?<![\w/])(/p:)\S+')
#: A word that the text then holds, and the pattern.
_ODD: Final = (
    *((word, _ORACLE) for word in ('sqlplus', 'sqlldr', 'expdp', 'impdp', 'rman')),
    ('password', _NETRC),
    ('vault', _VAULT),
    ('set', _SETX),
    ('/p:', _XFREERDP),
    ('pass:', _OPENSSL),
)
_OPTION: Final = late_pattern(r'(?<![\w-])--?[A-Za-z]')


def without_command_secrets(text: str) -> str:
    """Return a text without the secrets of the commands in it. Cost: linear in its length."""
    if _OPTION.search(text) is not None:
        text = _LONG.sub(_without_long, text)
        if _NAMES.search(text):
            text = '\n'.join(map(_without_short, text.split('\n')))
    if '|' in text:
        text = _FED.sub(lambda found: f'{found[0].split()[0]} {MASK} ', text)
    for word, pattern in _ODD:
        if word in text:
            text = pattern.sub(rf'\1{MASK}', text)
    return text


def without_secret_words(words: Sequence[str]) -> list[str]:
    """Return the words of one command without the secrets that options name."""
    shown: list[str] = []
    # Options alone, kept apart from their program, are taken for curl's.
    is_bare = bool(words) and words[0].startswith('-')
    programs = [_PROGRAM_BY_NAME['curl']] if is_bare else []
    pending = ''
    for word in words:
        if pending and not (pending == 'long' and word.startswith('--')):
            shown.append(_of_pair(word) if pending == 'pair' else MASK)
            pending = ''
            continue
        pending = ''
        programs += _programs_in(word.rpartition('/')[2], words)
        hidden, pending = _of_word(word, programs)
        shown.append(hidden)
    return shown


def _of_word(word: str, programs: Sequence[_Program]) -> tuple[str, str]:
    """Return a word without its secret, and what the next one is: `long`, `short`, `pair` or ''."""
    if word.startswith('pass:'):
        return f'pass:{MASK}', ''  # As openssl takes it.
    long = _LONG_WORD.fullmatch(word) if word.startswith('-') else None
    if long is not None and is_secret(long[1]):
        if long[2] is None:
            return word, 'long'
        return word[: word.index('=') + 1] + MASK, ''
    if long is not None and long[1] in ('user', 'proxy-user', 'creds') and programs:
        return (word, 'pair') if long[2] is None else (f'--{long[1]}={_of_pair(long[2])}', '')
    option = word[1:2] if word.startswith('-') and not word.startswith('--') else ''
    for program in programs:
        if option and option in program.secret:
            return (word, 'short') if len(word) == 2 else (word[:2] + MASK, '')
        if option and option in program.pair:
            return (word, 'pair') if len(word) == 2 else (word[:2] + _of_pair(word[2:]), '')
    return word, ''


def _of_pair(value: str) -> str:
    """Return `user:secret`, `user%secret` or `user,secret` without the secret."""
    quote = value[:1] if value[:1] in ('"', "'") else ''
    found = re.match(r'([^:%,]{0,200})([:%,])', value)
    if found is None:
        return value
    return f'{found[1]}{found[2]}{MASK}{quote}'


def _programs_in(text: str, words: Iterable[str]) -> list[_Program]:
    names = dict.fromkeys(found[1] for found in _NAMES.finditer(text))
    said = ' '.join(words) if names else ''
    return [
        program
        for program in dict.fromkeys(_PROGRAM_BY_NAME[name] for name in names)
        if program.words is None or program.words in said
    ]


def _without_long(found: re.Match[str]) -> str:
    name = found[1].lstrip('-')
    if not is_secret(name) or (is_weak(name) and re.search(r'[/.]', found[4])):
        if found[1] in ('--user', '--proxy-user', '--creds'):
            return found[1] + (found[2] or found[3]) + _of_pair(found[4])
        return found[0]
    return f'{found[1]}{found[2] or found[3]}{MASK}'


def _without_short(line: str) -> str:
    for program in _programs_in(line, [line]):
        line = _short(program).sub(partial(_without_short_value, program), line)
    return line


def _without_short_value(program: _Program, found: re.Match[str]) -> str:
    value = _of_pair(found[4]) if found[2] in program.pair else MASK
    return found[1] + (found[3] or '') + value


@lru_cache(maxsize=64)
def _short(program: _Program) -> re.Pattern[str]:
    letters = re.escape(program.secret + program.pair) or '(?!)'
    return re.compile(rf"""(?<![\w-])(-([{letters}]))(?:({_GAP})|(?!["'][ \t]*[,\])]))({_VALUE})""")
