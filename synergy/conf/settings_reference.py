"""The reference of all settings, as Markdown: docs/settings.md."""

from __future__ import annotations

from typing import Final

from synergy.conf.setting_table import SETTINGS

_MONGODB: Final = """
## MongoDB

`store_uri = 'mongodb://USER:PASSWORD@HOST1,HOST2,HOST3/scheduler?replicaSet=NAME'`

- A replica set of version 6.0 or later; three members, so that one may be lost. `mongodb+srv://`
  works, too.
- The path names the database; without one it is `scheduler`, as in Synergy 2.x.
- Add `&authSource=admin` when the user is one of that database.
- The user needs the roles `readWrite` and `dbAdmin` on that database.
- An empty database is made ready when it is first opened. One that Synergy 2.x wrote, or an older
  version of this program, is refused until `./launch.py db --check` has shown what would change and
  `./launch.py db --update` has changed it.
- Writes wait for a majority of the members and their journals; reads see what a majority has.
- `store_busy_seconds_max` is how long a call waits for a primary and for its answer. Options in the
  URI, such as `serverSelectionTimeoutMS`, win; TLS and certificates are options of the URI as well.
- Leases of units and of the leading Scheduler are judged by the clock of the primary.
- `log_retention_days` becomes the age at which MongoDB itself deletes logs (a TTL index).
"""


def reference() -> str:
    """Return the reference of all settings as Markdown."""
    lines = [
        '# Settings',
        '',
        'Defined in `settings.py` as `settings = dict(...)`, or in the environment, which wins.',
        '`SYNERGY_SETTINGS_MODULE` names another module, `SYNERGY_PROJECT` another project folder.',
        '',
        '| setting | environment | default | meaning |',
        '|---|---|---|---|',
    ]
    for setting in SETTINGS:
        default = setting.shown_default or f'`{setting.default}`'
        lines.append(f'| `{setting.name}` | `{setting.variable}` | {default} | {setting.text} |')
    return '\n'.join(lines) + '\n' + _MONGODB
