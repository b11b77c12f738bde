"""How this installation is entered: through the files of a checkout, or as an installed package.

A checkout has `launch.py` and `process_starter.py` beside this package, and its project is the
checkout itself. An installed package has the command `synergy`; its project is the current folder.
Standard library only: this is read before anything else can be.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

#: Environment variable that names the project folder, whatever the current one is.
PROJECT_VARIABLE: Final = 'SYNERGY_PROJECT'
#: The folder that this package lies in: the checkout, if it is one.
BESIDE: Final = Path(__file__).resolve().parent.parent
IS_CHECKOUT: Final = (BESIDE / 'launch.py').is_file()
#: How messages in the source name the command line.
WRITTEN: Final = './launch.py'
#: How it is called here.
COMMAND: Final = WRITTEN if IS_CHECKOUT else 'synergy'
#: Python, told to take names of files and texts for UTF-8 whatever the locale says.
PYTHON: Final = (sys.executable, '-X', 'utf8')
#: A folder with one of these is a project.
_PROJECT_FILES: Final = ('context.py', 'settings.py')


def project_folder(environ: Mapping[str, str], here: Path) -> Path:
    """Return the folder with context.py and settings.py.

    It is what SYNERGY_PROJECT says; else `here`, if a project lies there; else the checkout; else
    `here`, where loading will say that there is no context. launch.py sets the variable, so that it
    means its own folder wherever it is called from.
    """
    if named := environ.get(PROJECT_VARIABLE):
        return Path(named).expanduser().resolve()
    is_project = any((here / name).is_file() for name in _PROJECT_FILES)
    return BESIDE if IS_CHECKOUT and not is_project else here.resolve()


def starter_command(process: str, instance: int, *options: str) -> tuple[str, ...]:
    """Return the command that starts one process, to be run in the project folder."""
    door = (str(BESIDE / 'process_starter.py'),) if IS_CHECKOUT else ('-m', 'synergy.cli.starter')
    return (*PYTHON, *door, process, '--instance', str(instance), *options)


def forecaster_command() -> tuple[str, ...]:
    """Return the command that starts what makes forecasts, to be run in the project folder.

    The pid of who starts it comes behind. It has no file beside this package: its module is found
    wherever this one was.
    """
    door = 'import sys; sys.path.insert(0, sys.argv[1]); from synergy.cli import forecaster as it'
    return (*PYTHON, '-c', f'{door}; sys.exit(it.main(int(sys.argv[2])))', str(BESIDE))


def in_words(text: str) -> str:
    """Return a message with the command line called as it is called here."""
    return text if IS_CHECKOUT else text.replace(WRITTEN, COMMAND)
