#!/usr/bin/env python3
"""The door to everything: `./launch.py demo`, `up`, `status`, `why`, `test`; `--help` lists all.

Needs only Python 3.11 to start. The first command makes `.ve`, a virtual environment beside this
file, installs into it what the product needs, and runs itself again there.
"""

import os
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent
VERSION_MIN = (3, 11)
#: Commands that need more than the product, and what `synergy.install` calls it.
GROUPS = {'test': 'test', 'docs': 'docs'}


def main() -> int:
    """Make sure of the environment, then hand over to the command line."""
    if sys.version_info < VERSION_MIN:
        made = PROJECT / '.ve' / 'bin' / 'python'
        if made.exists() and Path(sys.prefix).resolve() != (PROJECT / '.ve').resolve():
            # cron and sudo may find an older Python than the one that the environment was made by.
            os.execv(made, [str(made), str(PROJECT / 'launch.py'), *sys.argv[1:]])
        found = '.'.join(map(str, sys.version_info[:2]))
        print(
            f'launch.py runs on Python {found}, but needs 3.11 or newer; '
            'start it with a newer one, as in: python3.11 launch.py demo',
            file=sys.stderr,
        )
        return 2
    sys.path.insert(0, str(PROJECT))
    from synergy import doors, inherited, install

    inherited.settle()
    # This file means its own folder, wherever it is called from.
    os.environ.setdefault(doors.PROJECT_VARIABLE, str(PROJECT))
    arguments = sys.argv[1:]
    is_own = os.environ[doors.PROJECT_VARIABLE] == str(PROJECT)
    is_asked_only = arguments[1:] in (['-h'], ['--help'])
    is_more = bool(arguments) and is_own and not is_asked_only
    is_install = arguments[:1] == ['install']
    wanted = arguments[1:] if is_install else arguments[:1]
    group = GROUPS.get(wanted[0], 'runtime') if is_more and wanted else 'runtime'
    environment = install.Environment(PROJECT)
    if is_install and (not wanted or wanted in ([name] for name in GROUPS)):
        return install.run(environment, group, is_verbose=True)
    if code := install.run(environment, group):
        return code
    is_utf8 = sys.getfilesystemencoding() == 'utf-8'
    if Path(sys.prefix).resolve() != environment.folder.resolve() or not is_utf8:
        # UTF-8 whatever the locale says: texts and names of files are kept and sent as that.
        python = [str(environment.python), *([] if is_utf8 else ['-X', 'utf8'])]
        os.execv(python[0], [*python, str(PROJECT / 'launch.py'), *arguments])
    from synergy.cli.main import main as run

    return run(arguments)


if __name__ == '__main__':
    sys.exit(main())
