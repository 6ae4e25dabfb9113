#!/bin/sh
# Runs the command of one index: the line of the file `commands` that has its number. In the folder where it was planned.
set -eu
command=$(sed -n "$((JOB_COMPLETION_INDEX + 1))p" commands)
exec sh -c "exec $command"
