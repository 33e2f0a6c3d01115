#!/bin/sh
# One task: JOB_FILE STEP. Slurm runs it; the chunk of a render is the array's index.
file=$1
step=$2
if [ -n "$OFX_REENACT_PYTHON" ]; then
  set -- "$OFX_REENACT_PYTHON" -m ofx_reenact
else
  set -- ofx-reenact
fi
if [ "$step" = render ]; then
  exec "$@" job task "$file" render --chunk="$SLURM_ARRAY_TASK_ID"
fi
exec "$@" job task "$file" "$step"
