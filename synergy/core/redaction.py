"""What must not be seen, of texts and of values of JSON: the one redaction for every exit.

A secret is recognized by what names it (`password=`, `--token`, `X-Api-Key:`, a key of a mapping),
by where it stands (within a URI, after `Bearer`, behind `mysql -p`), or by its form (`ghp_...`, a
JSON Web Token, a private key). Rather too much is hidden than too little; a secret that is none of
these, the bare word in a sentence, cannot be told. What was redacted once is not changed by doing
it again. Cost: linear in the length, however hostile the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from synergy.core.command_secrets import without_command_secrets, without_secret_words
from synergy.core.secret_names import is_countable, is_secret, is_weak
from synergy.core.uri import MASK, without_password

__all__ = ['MASK', 'redacted', 'redacted_lines', 'redacted_text', 'redacted_words']

#: A text holds no secret that could be told when it holds none of these: for each pattern below,
#: and for each secret name, some part of it, read without what joins the words of names.
_TRIGGERS: Final = (
    '://', '\\\\', '<', '|', '/p:', 'pass', 'pw', 'pswd', 'secret', 'token', 'key', 'auth', 'cred',
    'cookie', 'bearer', 'basic', 'negotiate', 'ssws', 'mnemonic', 'phrase', 'jwt', 'sharedaccess',
    'webhook', 'identified', 'value', 'vault', 'sqlplus', 'sqlldr', 'expdp', 'impdp', 'rman',
)  # fmt: skip
#: Words that are secret only at the end of a name, and stand within many others.
_ENDINGS: Final = ('sig', 'sas', 'session', 'sid', 'otp', 'pin', 'pat', 'psk', 'salt', 'community')
_ENDING: Final = re.compile(f'(?:{"|".join(_ENDINGS)}|signature)(?![a-z0-9])')
#: Parts of `_FORMS`, by the character without which they do not occur.
_PARTS: Final = {
    '': (
        'eyj', 'akia', 'asia', 'aida', 'agpa', 'aroa', 'abia', 'acca', 'xox', 'aiza', '1//0',
        'shp', 'sq0', 'eaac', 'atatt3', 'dapi', ':aa',
    ),
    '_': (
        'ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_', 'b_pat_', 'k_', 'whsec_', 'npm_', 'gems_', 'dckr_',
        'v1_', 'n_api_', 'hf_', 'r8_', 'glsa_', 'glc_',
    ),
    '-': (
        'glpat-', 'glrt-', 'gldt-', 'glcbt-', 'glptt-', 'glft-', 'glsoat-', 'glagent-', 'gloas-',
        'xapp-', 'sk-', 'gocspx-', 'pypi-', 'xai-', 'nvapi-', 'pmak-',
    ),
    '.': ('ya29.', 'sg.', 'hvs.', 'hvb.', 'hvr.', 's.'),
}  # fmt: skip
_LONG_PART: Final = re.compile(r'\.[\w-]{27}')
_OPTION: Final = re.compile(r'-(?<![\w-]-)-?[A-Za-z]')
#: A moment or a number.
_MOMENT: Final = re.compile(r'[\d:TZ .+-]{1,40}')
#: Letters and digits alone, up to so many, are a word.
_WORD_LENGTH_MAX: Final = 15
_PEM: Final = re.compile(
    r'(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)'
    r'.*?(?:(-----END [A-Z0-9 ]{0,40}-----)|\Z)',
    re.S,
)
#: A line of a private key that came alone, as lines of a log do; digests are hexadecimal.
_PEM_LINE: Final = re.compile(
    r'^[ \t]{0,40}(?=[A-Za-z0-9]*+[+/]|[A-Za-z0-9]*?[g-zG-Z])[A-Za-z0-9+/]{60,76}={0,2}[ \t]*$',
    re.M,
)
_PEM_WIDTH_MIN: Final = 60
_JOINED: Final = re.compile(r'[:=]|%3|->')
_LINE_WORDS: Final = ('pass', 'phrase', 'cookie', 'mnemonic', 'authori', 'key')
#: Secrets that are known by their form alone. Sources: secret scanning patterns of the vendors.
_FORMS: Final = re.compile(
    r'(?<![A-Za-z0-9])(?=[\w.+/=:-]{12})(?:'
    r'eyJ[\w-]{6,}\.(?:[\w-]{4,}(?:\.[\w-]*){0,3}|\Z)'
    r'|gh[pousr]_[A-Za-z0-9]{10,}|github_pat_\w{10,}'
    r'|gl(?:pat|rt|dt|cbt|ptt|ft|soat|agent|oas)-[\w-]{10,}'
    r'|(?:AKIA|ASIA|AIDA|AGPA|AROA|ABIA|ACCA)[A-Z0-9]{12,}'
    r'|x(?:ox[a-z]|app)-[\w-]{8,}'
    r'|(?:sk|pk|rk|whsec)_(?:live|test|prod)?_?[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{10,}'
    r'|sk-(?:proj-|ant-|or-|svcacct-)?[A-Za-z0-9_-]{16,}'
    r'|AIza[\w-]{20,}|ya29\.[\w-]{10,}|1//0[\w-]{20,}|GOCSPX-[\w-]{10,}'
    r'|npm_[A-Za-z0-9]{20,}|pypi-[\w-]{20,}|rubygems_[a-f0-9]{20,}|dckr_(?:pat|oat)_[\w-]{10,}'
    r'|SG\.[\w-]{10,}\.[\w-]{10,}|key-[0-9a-f]{32}|hv[sbr]\.[\w-]{16,}|s\.[A-Za-z0-9]{24}\b'
    r'|do[opr]_v1_[a-f0-9]{20,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{16,}|lin_api_\w{16,}'
    r'|ATATT3[\w=-]{16,}|sq0[a-z]{3}-[\w-]{16,}|EAAC[A-Za-z0-9]{20,}|hf_[A-Za-z0-9]{16,}'
    r'|AGE-SECRET-KEY-1[A-Z0-9]{20,}|xai-[A-Za-z0-9]{20,}|r8_[A-Za-z0-9]{20,}|nvapi-[\w-]{20,}'
    r'|tskey-[\w-]{10,}|glsa_\w{16,}|glc_[\w=+/]{16,}|PMAK-[\w-]{16,}|dapi[0-9a-f]{32}|AccountKey'
    r'|[0-9]{8,10}:AA[\w-]{30,}|[0-9a-f]{12}\.[\w-]{40,}'
    r'|[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,}'
    r')'
)
_HOOK: Final = re.compile(
    r'(hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/webhooks/'
    r'|webhook\.office\.com/|api\.telegram\.org/bot|outlook\.office\.com/webhook/)[^\s"\'<>]+',
    re.I,
)
#: Headers and the like whose value is the rest of the line.
_WHOLE_LINE: Final = re.compile(
    r"""((?<![\w-])(?:set-cookie2?|cookie|passphrase|pass[ _-]phrase"""
    r"""|recovery[ _-]phrase|seed[ _-]phrase|mnemonic)"""
    r"""["'\\]{0,4}[ \t]{0,3}[:=][ \t]{0,3})(?:(["'])([^"'\n]*+)["']?|([^\n"'<>{}]+))""",
    re.I,
)
#: Schemes with several values, up to the end of the line.
_SIGNED: Final = re.compile(
    r'(authori[sz]ation["\'\\]{0,4}[ \t]{0,3}[:=][ \t]{0,3}["\']?'
    r'(?:digest|aws4[\w-]*|oauth|hawk|signature'
    r'|hmac[\w-]*|gnap|vapid)[ \t])[^\n]+',
    re.I,
)
_SCHEMES: Final = (
    r'(?:bearer|basic|digest|token|negotiate|ntlm|apikey|hmac|hawk|aws4-hmac-sha256|splunk|oauth'
    r'|sharedaccesssignature|sharedkey|key|api-key|bot|ssws|genie\w*)'
)
_CREDENTIALS: Final = re.compile(
    r'((?<![\w-])(?i:bearer|basic|negotiate|ssws)[ \t]{1,3})'
    r'(?=[\w.~+/-]*+=|[A-Za-z]?[a-z-]*+[A-Z0-9._~+/])[\w.~+/-]{8,}={0,2}'
)
#: A URI up to a space or a quote. What follows its scheme is looked at by itself.
_URI: Final = re.compile(
    r'(?<![A-Za-z0-9+.-])([a-z][a-z0-9+.-]{0,30}):(//|\\\\)([^\s"\'<>`|]+)', re.I
)
_URI_SPACED: Final = re.compile(
    r'(?<![A-Za-z0-9+.-])([a-z][a-z0-9+.-]{0,30}:(?://|\\\\))([^\s/@"\'<>:]*+:(?!\d{1,5}(?:[/?#\s,]|$))'
    r'[^\s@"\'<>]{0,200}[ \t][^\n@"\'<>]{1,200}@)',
    re.I,
)
_URI_OF_STORE: Final = re.compile(
    r'(?<![A-Za-z0-9+.-])((?:mongodb(?:\+srv)?|amqps?|sqlite|embedded|rediss?|postgres(?:ql)?|mysql'
    r'|mariadb|https?|ftps?|sftp|ldaps?|smtps?)(?![\w+.-])[ \t]?:?[ \t]?/{0,2})'
    r'([^\s/@"\'<>:,]{1,200}:[^\s"\'<>]*@)',
    re.I,
)
_MAIL_WORDS: Final = 'mailto|from|to|cc|bcc|by|email|e-mail|mail|contact|sender|author|actor|user'
#: `user:password@host` without a scheme; not `Cleaner::nightly@20261122010203`.
_BARE: Final = re.compile(
    rf'(?<![\w.:/@%+-])(?!(?:{_MAIL_WORDS}):)([A-Za-z0-9_.%+-]{{1,80}}+):(?!:|//)([^\s:@"\'<>,;][^\s@"\'<>,;]{{0,200}})'
    r'@(?!\d{10}\b|\d{14}\b)(?=[A-Za-z0-9\[%])',
    re.I,
)
_NAME: Final = re.compile(r'-{0,2}([A-Za-z_][\w.-]{0,79})')
#: What joins a name to its value. Names of free runs, `Process::entry`, and schemes are none.
_NAMED: Final = re.compile(
    r"""(?<![\w.-])([A-Za-z_][\w.-]*+)((?:\\{0,4}["'])?\]?[ \t]{0,3})"""
    r"""(=>|->|:=|==?|:(?!:|//)|%3[dDaA]|(?<=["']),(?=[ \t]{0,3}["']))([ \t]{0,3})"""
)
#: A value, perhaps in quotes; of a text that was cut off, the rest.
_VALUE: Final = re.compile(
    r"""•••|(?P<lead>[A-Za-z_.]{0,30}\(?)(?:(?P<escaped>\\{1,4})(?P<eq>["']).*?(?:(?P=escaped)(?P=eq)|\Z)"""
    r"""|(?P<q>["'])(?:\\.|(?!(?P=q))[^\\])*+(?:(?P=q)|\Z))"""
    rf"""|{_SCHEMES}[ \t]+[^\s&"']+|[^\s&"'<>]+(?:["'](?=[^\s,;}}\])])[^\s&<>]*)?""",
    re.I | re.S,
)
_XML: Final = re.compile(
    r'(<([A-Za-z_][\w:.-]{0,80})(?:\s[^<>]{0,300})?>)(?!\s*<)([^<]{1,4000}+)(?=</|\Z)'
)
_ATTRIBUTES: Final = re.compile(
    r"""(\b(?:name|key|id)["']?\s{0,3}[=:]\s{0,3}["']?([\w.:-]{1,80})["']?[\s,]{1,40}["']?value["']?"""
    r"""\s{0,3}[=:]\s{0,3})(?:(["'])(?:(?!\3)[^\n])*+\3?|[^\s"'<>]+)""",
    re.I,
)
#: `password 'hunter2'`, `identified by "x"`, `password is hunter2`.
_SAID: Final = re.compile(
    r"""\b((?:password|passwd|passphrase|passcode|secret|token|pwd|api[ _-]?key|access[ _-]?key"""
    r"""|private[ _-]?key|identified[ \t]+by)"""
    r"""(?:[ \t]+(?:is|was|of|to|value|for[ \t]+\S{1,80}))?[ \t]{1,3}):?[ \t]?"""
    r"""(?:"([^"\n]{1,300})"|'([^'\n]{1,300})'|(?=[^\s"']*[0-9!$%^&*#])(?![0-9]{1,3}\b)([^\s"',;:()=]{6,300}))""",
    re.I,
)
_SPACED_NAME: Final = re.compile(
    r'\b((?:api|access|secret|private|account|encryption|signing|licen[cs]e|shared|master)[ \t]'
    r'(?:access[ \t])?key[ \t]{0,3}[:=][ \t]{0,3})(?:"[^"\n]*+"?|\'[^\'\n]*+\'?|[^\s,;]+)',
    re.I,
)
#: A connection string goes on with another of its parts.
_PART: Final = re.compile(r'[^;\n"\']{0,1000}')
_NEXT_PART: Final = re.compile(r';[ \t]{0,3}(?:[A-Za-z][\w ]{0,30}=|["\']|$)')
#: A name and its value, alone in a list: `['password', 'hunter2']`.
_PAIR: Final = re.compile(
    r"""([\[(][ \t]{0,3}["']([A-Za-z_][\w.-]{0,79})["'][ \t]{0,3},[ \t]{0,3}(["']))"""
    r"""(?:(?!\3)[^\n]){1,1000}+(\3[ \t]{0,3}[\])])"""
)
#: In a list of two, a name of a header and its value.
_HEADER: Final = re.compile(r'[\w.]{1,40}-[\w.-]{1,40}|(?:proxy-)?authori[sz]ation|cookie', re.I)
_RANDOM: Final = re.compile(r'(?=[^\d\s]*\d)(?=[\d\s]*[^\d\s])[\w+/=-]{16,}')
_QUOTES: Final = ('"', "'")
_OPEN: Final = {'{': '}', '[': ']', '(': ')'}
_BRACKETS: Final = {
    opening: re.compile(f'[{re.escape(opening + closing)}]') for opening, closing in _OPEN.items()
}


def redacted(value: Any, name: str = '') -> Any:
    """Return a value of JSON with every secret replaced; `name` is the key it stands under."""
    if value is None or isinstance(value, bool):
        return value
    if name and value != '' and is_secret(name):
        is_count = isinstance(value, (int, float)) and is_countable(name)
        is_folder = name == 'PWD' and str(value).startswith('/')
        return value if is_count or is_folder else MASK
    if isinstance(value, str):
        return redacted_text(value)
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, Mapping):
        return _redacted_mapping(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return _redacted_items(value)
    return redacted_text(str(value))


def redacted_text(text: str | None) -> str:
    """Return a text without secrets; nothing stays empty."""
    if not text:
        return ''
    if _is_plain(text):
        return text
    # Most texts hold none of these words, and are then read once or twice, not twenty times.
    low = text.lower()
    if '-----begin' in low:
        text = _PEM.sub(lambda found: f'{found[1]}{MASK}{found[2] or ""}', text)
    if len(text) >= _PEM_WIDTH_MIN:
        text = _PEM_LINE.sub(MASK, text)
    text = _FORMS.sub(_hidden_form, text)
    is_named = _JOINED.search(text) is not None
    if is_named and _has(low, _LINE_WORDS):
        text = _SIGNED.sub(rf'\1{MASK}', text)
        text = _WHOLE_LINE.sub(_hidden_line, text)
        text = _SPACED_NAME.sub(rf'\1{MASK}', text)
    if is_named:
        text = _without_uris(text)
    text = _without_worded(without_command_secrets(text), low)
    if is_named:
        text = _without_named(text)
    if _has(low, ('pass', 'secret', 'token', 'pwd', 'key', 'identified')):
        text = _SAID.sub(_hidden_said, text)
    return text


def _is_plain(text: str) -> bool:
    """Tell whether a text cannot hold a secret: most cannot, and are told so in microseconds."""
    if len(text) <= _WORD_LENGTH_MAX and text.isalnum():
        return True
    if _MOMENT.fullmatch(text) is not None:
        return True
    if len(text) >= _PEM_WIDTH_MIN and ('\n' in text or ' ' not in text.strip(' \t')):
        return False
    low = text.casefold()
    if not low.isascii():
        # As names are read.
        low = low.encode('ascii', 'ignore').decode()
    if ('@' in low and ':' in low) or ('-' in low and _OPTION.search(text) is not None):
        return False
    return not (_may_name(low) or _may_have_form(low, text))


def _may_name(low: str) -> bool:
    flat = low.replace('_', '').replace('.', '').replace('-', '')
    # A loop: much quicker than one pattern of all of them.
    for trigger in _TRIGGERS:
        if trigger in flat:
            return True
    return any(ending in flat for ending in _ENDINGS) and _ENDING.search(flat) is not None


def _may_have_form(low: str, text: str) -> bool:
    for character, parts in _PARTS.items():
        if character in low:
            for part in parts:
                if part in low:
                    return _FORMS.search(text) is not None
    return '.' in low and _LONG_PART.search(low) is not None and _FORMS.search(text) is not None


def _without_worded(text: str, low: str) -> str:
    """Return a text without what stands behind some words. low: it, in small letters."""
    if _has(low, ('bearer', 'basic', 'negotiate', 'ssws')):
        text = _CREDENTIALS.sub(rf'\1{MASK}', text)
    if '<' in text:
        text = _XML.sub(_hidden_element, text)
    if '[' in text or '(' in text:
        text = _PAIR.sub(_hidden_pair, text)
    if 'value' in low:
        text = _ATTRIBUTES.sub(_hidden_attribute, text)
    return text


def _has(low: str, words: Sequence[str]) -> bool:
    return any(word in low for word in words)


def redacted_lines(lines: Sequence[str]) -> list[str]:
    """Return lines of a log without secrets; of keys over several lines, one line stays."""
    text = '\n'.join(lines)
    if '-----BEGIN' in text:
        text = _PEM.sub(lambda found: f'{found[1]}{MASK}{found[2] or ""}', text)
    return [redacted_text(line) for line in text.split('\n')] if lines else []


def redacted_words(words: Sequence[str]) -> list[str]:
    """Return the words of a command line as they may be seen."""
    return [redacted_text(word) for word in without_secret_words(words)]


def _redacted_mapping(value: Mapping[Any, Any]) -> dict[Any, Any]:
    shown = {key: redacted(item, str(key)) for key, item in value.items()}
    # {"name": "DB_PASSWORD", "value": "..."}, as containers have their environment.
    named = next((value[key] for key in ('name', 'Name', 'key', 'Key') if key in value), None)
    if isinstance(named, str) and is_secret(named):
        if 'key' in value and is_secret('key'):
            shown |= {key: value[key] for key in ('key', 'Key') if value.get(key) == named}
        for key in ('value', 'Value'):
            if value.get(key) not in (None, ''):
                shown[key] = MASK
    return shown


def _redacted_items(value: Sequence[Any]) -> list[Any]:
    if len(value) == 2 and isinstance(value[0], str) and value[1] not in (None, ''):
        name = _NAME.fullmatch(value[0])
        if name is not None and is_secret(name[1]) and not is_weak(name[1]):
            return [value[0], MASK]
    hidden = without_secret_words([item if isinstance(item, str) else '' for item in value])
    return [
        # An option's value may be a number; it is hidden, too.
        redacted_text(word) if isinstance(item, str) or word == MASK else redacted(item)
        for item, word in zip(value, hidden, strict=True)
    ]


def _hidden_form(found: re.Match[str]) -> str:
    return found[0] if found[0] == 'AccountKey' else MASK


def _hidden_line(found: re.Match[str]) -> str:
    quote = found[2] or ''
    return f'{found[1]}{quote}{MASK}{quote}'


def _without_uris(text: str) -> str:
    if '://' in text or '\\\\' in text:
        text = _URI_SPACED.sub(rf'\1{MASK}@', text)
        text = _URI.sub(_hidden_uri, text)
        text = _HOOK.sub(rf'\1{MASK}', text)
    # With a colon before it: most that have an `@` are names of jobs and addresses.
    if any(':' in word[: word.rfind('@')] for word in text.split() if '@' in word):
        text = _URI_OF_STORE.sub(_hidden_store, text)
        text = _BARE.sub(_hidden_bare, text)
    return text


def _hidden_uri(found: re.Match[str]) -> str:
    scheme, slashes, rest = found.groups()
    before, at, after = rest.rpartition('@')
    place = before.find('/')
    # https://example.com/@anna holds no password; one with slashes in it follows a colon.
    if at and (place < 0 or ':' in before[:place]):
        user, colon, _ = before.partition(':')
        shown = user if colon and MASK not in user else ''
        rest = f'{shown}{colon}{MASK}@{after}' if colon else f'{MASK}@{after}'
    elif not at and scheme.lower().startswith(('mongodb', 'amqp', 'redis', 'postgres', 'mysql')):
        return without_password(found[0]) if MASK not in rest else found[0]
    return f'{scheme}:{slashes}{rest}'


def _hidden_store(found: re.Match[str]) -> str:
    return found[0] if MASK in found[2] else f'{found[1]}{MASK}@'


def _hidden_bare(found: re.Match[str]) -> str:
    # `at 12:30@host` is a time.
    is_time = found[1].isdecimal() and found[2].isdecimal()
    return found[0] if is_time else f'{found[1]}:{MASK}@'


def _hidden_element(found: re.Match[str]) -> str:
    name = found[2].rpartition(':')[2]
    return f'{found[1]}{MASK}' if is_secret(name) and not is_weak(name) else found[0]


def _hidden_pair(found: re.Match[str]) -> str:
    is_told = not is_secret(found[2]) or is_weak(found[2])
    return found[0] if is_told else f'{found[1]}{MASK}{found[4]}'


def _hidden_attribute(found: re.Match[str]) -> str:
    quote = found[3] or ''
    return f'{found[1]}{quote}{MASK}{quote}' if is_secret(found[2]) else found[0]


def _hidden_said(found: re.Match[str]) -> str:
    if MASK in found[0]:
        return found[0]
    quote = '"' if found[2] else "'" if found[3] else ''
    return f'{found[1]}{quote}{MASK}{quote}'


def _without_named(text: str) -> str:
    parts: list[str] = []
    kept, at = 0, 0
    while (name := _NAMED.search(text, at)) is not None:
        at = name.end()
        if not is_secret(name[1]) or (name[3] == ',' and _HEADER.fullmatch(name[1]) is None):
            continue
        end = _end_of_value(text, name.start(), at)
        if end is None or _is_harmless(name, text[at:end]):
            continue
        quote = text[at] if text[at] in _QUOTES else ''
        parts += [text[kept:at], quote, MASK, quote]
        kept = at = end
    return ''.join([*parts, text[kept:]])


def _end_of_value(text: str, begin: int, at: int) -> int | None:
    """Return where the value that begins at `at` ends: behind its bracket, quote, word or part.

    begin: of its name. In a connection string a semicolon alone ends a value.
    """
    first = text[at : at + 1]
    if first in _OPEN:
        return _end_of_bracket(text, at)
    if first and first not in _QUOTES:
        part = _PART.match(text, at)
        assert part is not None
        is_part = text[max(begin - 3, 0) : begin].rstrip(' \t').endswith(';')
        if is_part or _NEXT_PART.match(text, part.end()):
            return part.end() if part.end() > at else None
    found = _VALUE.match(text, at)
    return None if found is None else found.end()


def _end_of_bracket(text: str, at: int) -> int:
    """Return where a bracket is closed; one that is not, at the end of the text."""
    opening, depth = text[at], 0
    for found in _BRACKETS[opening].finditer(text, at):
        depth += 1 if found[0] == opening else -1
        if depth == 0:
            return found.end()
    return len(text)


def _is_harmless(name: re.Match[str], value: str) -> bool:
    """Tell whether a weak name, or a count, means what it says."""
    bare = value.strip('"\',;')
    if is_countable(name[1]) and bare.isdecimal():
        return True
    if name[1] == 'PWD' and bare.startswith('/'):
        return True
    if not is_weak(name[1]):
        return False
    if re.search(r'(?:^|[_.-])key$', name[1], re.I) and len(name[1]) == 3:
        return _RANDOM.fullmatch(bare) is None
    is_joined = name[3].startswith(('=', '%')) or value[0] in ('"', "'")
    return not is_joined and not (len(bare) >= 6 and any(map(str.isdigit, bare)))
