# Numbered steps with one live line each; the full output goes to a log. To be sourced.
#
#   steps_begin COUNT LOG_DIRECTORY
#   step NAME TITLE COMMAND...     runs COMMAND; on failure names the cause and the log and exits with its status
#
# On a terminal the line is redrawn twice a second; elsewhere a line is printed every 10 s.

steps_begin() { steps_total=$1 steps_logs=$2 steps_done=0 step_seconds=0 step_pid=; trap steps_interrupted INT TERM HUP; }

steps_interrupted() {
  trap '' INT TERM HUP
  local waited=0
  if [ -n "$step_pid" ]; then
    # The step runs in a process group of its own, so everything it started ends with it; apt under sudo only by sudo.
    kill -TERM -- "-$step_pid" 2>/dev/null || sudo -n kill -TERM -- "-$step_pid" 2>/dev/null || true
    while kill -0 -- "-$step_pid" 2>/dev/null && [ "$waited" -lt 50 ]; do sleep 0.1; waited=$((waited + 1)); done
    kill -KILL -- "-$step_pid" 2>/dev/null || true
  fi
  if [ -n "$step_pid" ] && kill -0 -- "-$step_pid" 2>/dev/null; then
    printf '\nStopped, but process group %s is still ending.\n' "$step_pid" >&2
  else
    printf '\nStopped. Nothing of the demo is running.\n' >&2
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

step() {
  local name=$1 title=$2; shift 2
  local log=$steps_logs/$name.log started=$SECONDS said=0 status=0
  steps_done=$((steps_done + 1))
  set -m
  "$@" >"$log" 2>&1 </dev/null & step_pid=$!
  set +m
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
  step_pid= step_seconds=$((SECONDS - started))
  [ ! -t 1 ] || printf '\r\033[K'
  if [ "$status" -ne 0 ]; then
    echo "[$steps_done/$steps_total] $title failed (exit status $status) after $step_seconds s" >&2
    grep -aiE 'error|failed|cannot|unable' "$log" | tail -n 5 | cut -c1-200 | sed 's/^/      /' >&2 || true
    echo "      the whole output: $log" >&2
    exit "$status"
  fi
  echo "[$steps_done/$steps_total] $title  done in $((step_seconds / 60)):$(printf '%02d' $((step_seconds % 60)))"
}
