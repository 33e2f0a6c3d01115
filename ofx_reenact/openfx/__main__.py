"""``python -m ofx_reenact.openfx``: make what the repository keeps of the plug-in."""

from ofx_reenact.launch import leave_working_directory

if __name__ == "__main__":
    # Before anything is imported that could be found there.
    leave_working_directory()
    import sys

    from ofx_reenact.openfx.making import main

    sys.exit(main(sys.argv[1:]))
