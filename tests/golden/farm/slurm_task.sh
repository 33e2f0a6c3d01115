#!/bin/sh
# One task: JOB_FILE STEP. Slurm runs it; the chunk of a render is the array's index.
file=$1
step=$2
if [ -n "$OFX_REENACT_PYTHON" ]; then
  set -- "$OFX_REENACT_PYTHON" -c "import sys; sys.path[:] = [p for p in sys.path if p]; import runpy; runpy.run_module('ofx_reenact', run_name='__main__', alter_sys=True)"
else
  set -- ofx-reenact
fi
if [ "$step" = render ]; then
  exec "$@" job task "$file" render --chunk="$SLURM_ARRAY_TASK_ID"
fi
exec "$@" job task "$file" "$step"
