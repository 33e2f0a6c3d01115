"""``python -m ofx_reenact`` is ``ofx-reenact``."""

from ofx_reenact.launch import leave_working_directory

if __name__ == "__main__":
    # This must come before imports that could find modules in the working directory.
    leave_working_directory()
    from ofx_reenact.cli.main import main

    main()
