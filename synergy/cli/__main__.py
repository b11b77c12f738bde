"""`python -m synergy.cli`: the command line without the door that makes the environment."""

import sys

from synergy.cli.main import main

sys.exit(main())
