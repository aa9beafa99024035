# Numbered steps with one live line each; the full output goes to a log. To be sourced.
#
#   steps_begin COUNT LOG_DIRECTORY [LOCK]
#   step NAME TITLE COMMAND...     runs COMMAND; on failure names the cause and the log and exits with its status
#
# On a terminal the line is redrawn twice a second; elsewhere a line is printed every 10 s. Each step is a process group
# of its own, and its leader stands in LOG_DIRECTORY/step.pid while it runs: what a killed run left behind is ended by
# steps_begin. LOCK is a descriptor that the steps do not inherit, so that it is free once this shell is gone.

process_start() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }  # clock ticks since boot; empty: gone

steps_begin() {
  steps_total=$1 steps_logs=$2 steps_lock=${3:-} steps_done=0 step_seconds=0 step_pid=
  local pid='' started=''
  if [ -r "$steps_logs/step.pid" ]; then read -r pid started <"$steps_logs/step.pid" || true; fi
  if [[ $pid =~ ^[0-9]+$ ]] && [ -n "$started" ] && [ "$(process_start "$pid")" = "$started" ]; then
    kill -KILL -- "-$pid" 2>/dev/null || true
    await_group_end "$pid" 20
    echo "      stopped a step that a killed run had left running"
  fi
  rm -f "$steps_logs/step.pid"
  trap steps_interrupted INT TERM HUP PIPE
}

# Whether anything of a process group still runs; what is dead and only not waited for does not.
group_runs() { cat /proc/[0-9]*/stat 2>/dev/null | sed 's/^[0-9]* (.*) //' | awk -v g="$1" '$3 == g && $1 != "Z" {n = 1} END {exit !n}'; }
await_group_end() {  # await_group_end GROUP TENTHS
  local waited=0
  while group_runs "$1" && [ "$waited" -lt "$2" ]; do sleep 0.1; waited=$((waited + 1)); done
}

steps_interrupted() {
  trap '' INT TERM HUP PIPE
  if [ -n "$step_pid" ]; then
    # Everything the step started ends with its group; apt under sudo only by sudo.
    kill -TERM -- "-$step_pid" 2>/dev/null || sudo -n kill -TERM -- "-$step_pid" 2>/dev/null || true
    await_group_end "$step_pid" 50
    kill -KILL -- "-$step_pid" 2>/dev/null || true
    await_group_end "$step_pid" 20
  fi
  if [ -n "$step_pid" ] && group_runs "$step_pid"; then
    printf '\nStopped, but process group %s is still ending.\n' "$step_pid" >&2 || true
  else
    rm -f "$steps_logs/step.pid"
    printf '\nStopped. Nothing of the demo is running.\n' >&2 || true
  fi
  exit 130
}

# "build 143/212  3:10, about 2 min left"
step_line() {
  local title=$1 log=$2 elapsed=$3 counts done_count all left=
  counts=$(tail -c 4096 "$log" 2>/dev/null | grep -aoE '^\[[0-9]+/[0-9]+\]' | tail -n 1 | tr -d '[]') || true
  if [ -n "$counts" ]; then
    done_count=${counts%/*} all=${counts#*/}
    if [ "$done_count" -gt 9 ] && [ "$elapsed" -gt 9 ]; then
      left=$((elapsed * (all - done_count) / done_count))
      if [ "$left" -ge 60 ]; then left=", about $(((left + 30) / 60)) min left"; else left=", about $left s left"; fi
    fi
    counts=" $counts"
  fi
  printf '[%d/%d] %s%s  %d:%02d%s' "$steps_done" "$steps_total" "$title" "$counts" $((elapsed / 60)) $((elapsed % 60)) "$left"
}

# The lines of a log that tell why: those that speak of an error, else the last ones.
step_cause() { { grep -aiE 'error|failed|cannot|unable|no such' "$1" || tail -n 3 "$1"; } | tail -n 5; }

step() {
  local name=$1 title=$2; shift 2
  local log=$steps_logs/$name.log started=$SECONDS said=0 status=0
  steps_done=$((steps_done + 1))
  set -m
  if [ -n "$steps_lock" ]; then "$@" >"$log" 2>&1 </dev/null {steps_lock}>&- & step_pid=$!
  else "$@" >"$log" 2>&1 </dev/null & step_pid=$!; fi
  set +m
  echo "$step_pid $(process_start "$step_pid")" >"$steps_logs/step.pid"
  while kill -0 "$step_pid" 2>/dev/null; do
    if [ -t 1 ]; then
      printf '\r\033[K%s' "$(step_line "$title" "$log" $((SECONDS - started)))"; sleep 0.5
    else
      sleep 0.2
      if [ $((SECONDS - started)) -ge $((said + 10)) ]; then
        said=$((SECONDS - started)); step_line "$title" "$log" "$said"; echo
      fi
    fi
  done
  wait "$step_pid" || status=$?
  rm -f "$steps_logs/step.pid"
  step_pid= step_seconds=$((SECONDS - started))
  [ ! -t 1 ] || printf '\r\033[K'
  if [ "$status" -ne 0 ]; then
    echo "[$steps_done/$steps_total] $title failed (exit status $status) after $step_seconds s" >&2
    step_cause "$log" | tr -cd '\11\12\40-\176\200-\377' | cut -c1-200 | sed 's/^/      /' >&2 || true
    echo "      the whole output: $log" >&2
    exit "$status"
  fi
  echo "[$steps_done/$steps_total] $title  done in $((step_seconds / 60)):$(printf '%02d' $((step_seconds % 60)))"
}
