"""Secrets that are known by their form alone, and texts that cannot hold any secret."""

from __future__ import annotations

import re
from typing import Final

from synergy.core.late_pattern import late_pattern
from synergy.core.uri import MASK

#: A text holds no secret that could be told when it holds none of these: for each pattern below,
#: and for each secret name, some part of it, read without what joins the words of names.
_TRIGGERS: Final = (
    '://', '\\\\', '<', '|', '/p:', 'pass', 'pw', 'pswd', 'secret', 'token', 'key', 'auth', 'cred',
    'cookie', 'bearer', 'basic', 'negotiate', 'ssws', 'mnemonic', 'phrase', 'jwt', 'sharedaccess',
    'webhook', 'identified', 'value', 'vault', 'sqlplus', 'sqlldr', 'expdp', 'impdp', 'rman',
)  # fmt: skip
#: Words that are secret only at the end of a name, and stand within many others.
_ENDINGS: Final = ('sig', 'sas', 'session', 'sid', 'otp', 'pin', 'pat', 'psk', 'salt', 'community')
_ENDING: Final = late_pattern(f'(?:{"|".join(_ENDINGS)}|signature)(?![a-z0-9])')
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
_LONG_PART: Final = late_pattern(r'\.[\w-]{27}')
_OPTION: Final = late_pattern(r'-(?<![\w-]-)-?[A-Za-z]')
#: A moment or a number.
_MOMENT: Final = late_pattern(r'[\d:TZ .+-]{1,40}')
#: Letters and digits alone, up to this many, are a word.
_WORD_LENGTH_MAX: Final = 15
_PEM: Final = late_pattern(
    r'(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)'
    r'.*?(?:(-----END [A-Z0-9 ]{0,40}-----)|\Z)',
    re.S,
)
#: A line of a private key that came alone, as lines of a log do; digests are hexadecimal.
_PEM_LINE: Final = late_pattern(
    r'^[ \t]{0,40}(?=[A-Za-z0-9]*+[+/]|[A-Za-z0-9]*?[g-zG-Z])[A-Za-z0-9+/]{60,76}={0,2}[ \t]*$',
    re.M,
)
_PEM_WIDTH_MIN: Final = 60
#: Secrets that are known by their form alone. Sources: secret scanning patterns of the vendors.
_FORMS: Final = late_pattern(
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


def is_plain(text: str) -> bool:
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


def _hidden(found: re.Match[str]) -> str:
    return found[0] if found[0] == 'AccountKey' else MASK


def without_keys(text: str, low: str) -> str:
    """Return a text without private keys: whole, cut off or lines of one. low: in lower case."""
    if '-----begin' in low:
        text = without_whole_keys(text)
    return _PEM_LINE.sub(MASK, text) if len(text) >= _PEM_WIDTH_MIN else text


def without_whole_keys(text: str) -> str:
    """Return a text without private keys between their marks."""
    return _PEM.sub(lambda found: f'{found[1]}{MASK}{found[2] or ""}', text)


def without_forms(text: str) -> str:
    """Return a text without what has the form of a secret."""
    return _FORMS.sub(_hidden, text)
