#!/bin/sh
# Submits the job; arguments go to every sbatch, as --partition=gpu --gres=gpu:1.
set -eu
cd "$(dirname "$0")"
submit() {
  name=$1
  shift
  sbatch --parsable --job-name="reenact-$name" --requeue "$@" ./task.sh "$PWD/job.json" "$name"
}
mkdir -p log
analyse=$(submit analyse --output=log/analyse.txt "$@")
render=$(submit render --output=log/render.%a.txt --array=0-2 --kill-on-invalid-dep=yes \
  --dependency="afterok:${analyse%%;*}" "$@")
verify=$(submit verify --output=log/verify.txt --dependency="afterany:${render%%;*}" "$@")
echo "${analyse%%;*} ${render%%;*} ${verify%%;*}"
