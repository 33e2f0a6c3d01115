"""``python -m ofx_reenact.openfx``: generate the parameters' header, build the bundle."""

from ofx_reenact.launch import leave_working_directory

if __name__ == "__main__":
    # First, so that nothing is imported from the working directory.
    leave_working_directory()
    import sys

    from ofx_reenact.openfx.commands import main

    sys.exit(main(sys.argv[1:]))
