"""``python -m kineme`` is the ``kineme`` command."""

from kineme.cli import main

raise SystemExit(main())
