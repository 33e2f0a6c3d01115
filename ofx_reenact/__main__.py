"""``python -m ofx_reenact`` is ``ofx-reenact``."""

from ofx_reenact.cli.main import main

if __name__ == "__main__":
    main()
