"""Names of secrets: `DB_PASSWORD`, `apiKey`, `X-Auth-Token`, and none of `tokenizer`.

Rather too many names count than too few. A weak name is one that mostly means something harmless in
a sentence (`key: 4711`), and a secret as the name of a value in data.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from synergy.core.late_pattern import late_pattern

#: More of a name than anybody writes; of a longer one, the end.
NAME_LENGTH_MAX: Final = 80
_WORD: Final = late_pattern(r'[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+')
#: In a name that is written together, wherever they stand.
_ANYWHERE: Final = late_pattern(
    r'passw(?:or)?[dt]|passphrase|passcode|pswd|secret(?!ar)|credential|token(?!i[sz])|authori[sz]ation'
    r'|(?:api|access|secret|private|account|shared|auth|signing|encryption|decryption|master|service'
    r'|licen[cs]e|storage|client|consumer|deploy|subscription|ssh|session|webhook|admin|app|user'
    r'|server|hmac|aes|rsa|cipher|crypto|crypt|fernet|vault|security)keys?(?!board|note|word)'
    r'|(?:store|key|trust|ssh|db|ldap|smtp|sasl|ssl|bind|root|my|user|admin|mysql|pg|ftp|mail)pass$'
    r'|sharedaccess|authmechanismproperties|sessionid|connectsid|cookie|bearer|mnemonic|authcode'
    r'|jwt|webhookurl|oauth2?$|creds?$|(?:user|root|bind|admin|db|my|ldap)pwd?$'
)
#: As the last word of a name.
_LAST: Final = frozenset(
    [
        'pwd', 'pw', 'pass', 'passwd', 'passwords', 'secrets', 'tokens', 'key', 'keys', 'auth',
        'oauth', 'sig', 'signature', 'sas', 'session', 'sid', 'otp', 'pin', 'pat', 'psk', 'salt',
        'webhook', 'creds', 'cred', 'community'
    ]
)  # fmt: skip
#: Of these alone, in a sentence, one does not think of secrets.
_WEAK: Final = frozenset(
    [
        'key',
        'keys',
        'session',
        'sid',
        'sig',
        'signature',
        'sas',
        'pin',
        'pat',
        'salt',
        'pass',
        'auth',
        'webhook',
        'community',
        'creds',
    ]
)
#: `..._key` that opens nothing.
_KEY_OF: Final = frozenset(
    [
        'public', 'primary', 'foreign', 'partition', 'sort', 'routing', 'idempotency', 'cache',
        'object', 'row', 'unique', 'natural', 'surrogate', 'dedup', 'group', 'hash', 'range',
        'json', 'dict', 'map', 'dup', 'duplicate', 'index', 'lookup', 'message', 's3', 'composite',
        'candidate', 'hot', 'short', 'arrow', 'any', 'enter'
    ]
)  # fmt: skip
#: A name that ends so says something about a secret, and not the secret.
_ABOUT: Final = frozenset(
    [
        'count', 'counts', 'length', 'size', 'min', 'max', 'limit', 'limits', 'policy', 'type',
        'types', 'expires', 'expiry', 'expired', 'ttl', 'age', 'days', 'seconds', 'minutes',
        'hours', 'required', 'enabled', 'disabled', 'file', 'path', 'dir', 'folder', 'directory',
        'name', 'names', 'url', 'uri', 'endpoint', 'stdin'
    ]
)  # fmt: skip


@lru_cache(maxsize=8192)
def is_secret(name: str) -> bool:
    """Tell whether the value named `name` is to be hidden."""
    words = _words(name)
    if not words or words[-1] in _ABOUT:
        return False
    if words[-1] in _LAST:
        is_key = words[-1] in ('key', 'keys')
        return not (is_key and len(words) > 1 and words[-2] in _KEY_OF)
    return _ANYWHERE.search(''.join(words)) is not None


@lru_cache(maxsize=8192)
def is_weak(name: str) -> bool:
    """Tell whether a secret name is one that sentences use for harmless things, too."""
    words = _words(name)
    if not words or words[-1] not in _WEAK:
        return False
    return len(words) == 1 or _ANYWHERE.search(''.join(words)) is None


def is_countable(name: str) -> bool:
    """Tell whether a number by this name is how many there are: `max_tokens`."""
    return name.lower().endswith(('tokens', 'secrets', 'passwords', 'credentials', 'keys'))


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name[-NAME_LENGTH_MAX:])]
