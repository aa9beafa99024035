#!/usr/bin/env bash
# A farm of one host, from packages: what docs/OPERATIONS.md says, done as root on a machine with systemd that has nothing
# of Framemill yet. Started by scripts/test-machine.
#
#   one_host.sh PACKAGES
set -euo pipefail
packages=$1
here=$(cd "$(dirname "$0")" && pwd)
step() { printf '\n== %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; journalctl --no-pager -n 40 -u 'framemill-*' >&2; exit 1; }
wait_for() {  # wait_for SECONDS COMMAND...
  local limit=$1 n; shift
  for ((n = 0; n < limit * 5; n++)); do if "$@" >/dev/null 2>&1; then return 0; fi; sleep 0.2; done
  return 1
}
export DEBIAN_FRONTEND=noninteractive
property() { systemctl show -p "$2" --value "$1"; }
fm() { framemill --token-file /tmp/token "$@"; }

step "packages install with what they run with, and no compiler"
apt-get update -q >/dev/null
apt-get install -y -q --no-install-recommends "$packages"/*.deb >/tmp/install.log 2>&1 || { tail -20 /tmp/install.log; fail "install"; }
! command -v g++ >/dev/null || fail "a compiler came along"
[ "$(id -u framemill)" = 64731 ] || fail "the user framemill has the number $(id -u framemill)"
systemctl is-enabled -q framemill-scheduler framemill-worker || fail "a unit is not enabled"
wait_for 20 systemctl is-active -q framemill-scheduler || fail "the scheduler does not run"
wait_for 20 sh -c 'journalctl -u framemill-worker | grep -q "refused our key"' || fail "a worker that nobody listed was not refused"

step "a root, a token, the worker's key: docs/OPERATIONS.md"
install -d -o framemill -g framemill /srv/shows
echo 'name = "main"' > /srv/shows/.framemill-root && chown framemill: /srv/shows/.framemill-root
sed -i 's|^# main = "/mnt/shows"|main = "/srv/shows"|' /etc/framemill/worker.toml /etc/framemill/scheduler.toml
cat /etc/framemill/worker.key.pub >> /etc/framemill/workers.keys
framemill keys token --principal root --role admin --out /tmp/token >> /etc/framemill/tokens.toml
systemctl reload framemill-scheduler
systemctl restart framemill-scheduler  # [roots] is read at start
systemctl restart framemill-worker
wait_for 20 systemctl is-active -q framemill-worker || fail "the worker does not run"
wait_for 20 sh -c 'framemill --token-file /tmp/token workers | grep -q up' || { fm workers; fail "the worker is not up"; }
runuser -u framemill -- framemill-scheduler --check-config --config /etc/framemill/scheduler.toml
runuser -u framemill -- framemill-worker --check-config --config /etc/framemill/worker.toml

step "a job, while both daemons are killed"
job=$(fm submit "$here/clip.toml" --quiet | tail -1)
sleep 2
systemctl kill -s KILL framemill-worker
sleep 1
systemctl kill -s KILL framemill-scheduler
wait_for 20 systemctl is-active -q framemill-scheduler || fail "the scheduler was not started again"
timeout 240 framemill --token-file /tmp/token wait "$job" || { fm job "$job"; fm explain "$job"; fail "the job does not end well"; }
frames=$(find /srv/shows -name '*.exr' | wc -l)
[ "$frames" = 32 ] || fail "$frames frames instead of 32"
[ "$(find /srv/shows -name '*.exr' ! -user framemill | wc -l)" = 0 ] || fail "frames of another user"

step "a loop that stands still is killed by the watchdog, and stopping leaves nothing behind"
systemd-analyze verify framemill-scheduler.service framemill-worker.service || fail "systemd-analyze verify"
for unit in framemill-worker framemill-scheduler; do
  before=$(property $unit MainPID)
  [ "$(stat -c %U "/proc/$before")" = framemill ] || fail "$unit does not run as its own user"
  kill -STOP "$before"
  wait_for 120 sh -c "[ \$(systemctl show -p MainPID --value $unit) != $before ] && systemctl is-active -q $unit" ||
    fail "the watchdog did not start $unit again"
  journalctl --no-pager -u $unit -g 'Watchdog timeout' -n 1 -q | grep -q . || fail "the journal says nothing of a watchdog"
done
wait_for 60 sh -c 'framemill --token-file /tmp/token workers | grep -q up' || fail "the worker is not up again"
systemctl stop framemill-worker framemill-scheduler
for unit in framemill-worker framemill-scheduler; do
  [ "$(property $unit Result)" = success ] || fail "$unit ended with $(property $unit Result)"
done
! pgrep -u framemill >/dev/null || fail "processes are left: $(pgrep -u framemill -l | tr '\n' ' ')"
systemctl start framemill-scheduler framemill-worker

step "removed, data and configuration stay; installed again, the farm goes on; purged, they go"
apt-get remove -y -q 'framemill*' >/dev/null 2>&1
[ -s /etc/framemill/scheduler.key ] && [ -d /var/lib/framemill/scheduler ] || fail "remove took data away"
[ ! -e /usr/lib/framemill/framemill-worker ] || fail "remove left programs"
apt-get install -y -q --no-install-recommends "$packages"/*.deb >/dev/null 2>&1
wait_for 20 systemctl is-active -q framemill-scheduler framemill-worker || fail "the farm does not go on"
fm jobs | grep -q clip || { fm jobs; fail "the job is forgotten"; }
apt-get purge -y -q 'framemill*' >/dev/null 2>&1
[ ! -e /etc/framemill/scheduler.key ] && [ ! -e /var/lib/framemill ] || fail "purge left keys or the store"
[ "$(find /srv/shows -name '*.exr' | wc -l)" = 32 ] || fail "purge took frames away"
echo "one host: passed"
