"""`python -m kcn_pipeline.cli`: the command `kcn` where it is not on the path."""

import sys

from kcn_pipeline.cli import main

sys.exit(main())
