"""`python -m apus.cli`, for when the command is not on the path."""

from apus.cli import main

raise SystemExit(main())
