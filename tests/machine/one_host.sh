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

step "a reload fails where a file was refused, takes the other, and is in the unit's status"
systemctl reload framemill-scheduler || fail "a good reload fails"
cp -p /etc/framemill/tokens.toml /tmp/tokens.toml
printf '[[token]]\nprincipal =\n' >> /etc/framemill/tokens.toml
! systemctl reload framemill-scheduler 2>/dev/null || fail "a refused list of tokens does not fail the reload"
property framemill-scheduler StatusText | grep -q tokens.toml || fail "the unit's status does not name the file"
fm workers >/dev/null || fail "the tokens in force were lost"
cp -p /tmp/tokens.toml /etc/framemill/tokens.toml
systemctl reload framemill-scheduler || fail "the mended list fails"
journalctl --no-pager -q -u framemill-scheduler -g "audit: root: submit job $job" -n 1 | grep -q . || fail "the journal does not say who submitted"

step "doctor, run by root, judges as the user of the services"
framemill doctor --token-file /tmp/token | tee /tmp/doctor || fail "doctor finds fault with a correct farm"
grep -q '^ok .*framemill-executor self-test' /tmp/doctor || fail "doctor does not test the executor"
chown root: /etc/framemill/scheduler.key
! framemill doctor --token-file /tmp/token >/tmp/doctor 2>&1 || fail "doctor does not see a key that the service cannot read"
grep -q scheduler.key /tmp/doctor && ! grep -q 'chown 0' /tmp/doctor || { cat /tmp/doctor; fail "doctor's advice is wrong"; }
chown framemill: /etc/framemill/scheduler.key

step "members of a group come in through a socket, others do not"
groupadd artists && usermod -aG artists framemill && useradd -G artists ana
install -d /etc/framemill/scheduler.toml.d
printf 'listen_http = "unix:/run/framemill/http.sock"\nhttp_socket_mode = "0660"\nhttp_socket_group = "artists"\n' \
  > /etc/framemill/scheduler.toml.d/10-socket.toml
framemill keys token --principal ana --role artist --out /tmp/ana.token >> /etc/framemill/tokens.toml
chown ana: /tmp/ana.token
systemctl restart framemill-scheduler
wait_for 20 systemctl is-active -q framemill-scheduler || fail "the scheduler does not open a socket"
through() { runuser -u "$1" -- framemill --server unix:/run/framemill/http.sock --token-file /tmp/ana.token jobs; }
wait_for 10 through ana || { through ana; fail "a member of the group does not come in"; }
useradd ben && cp /tmp/ana.token /tmp/ben.token && chown ben: /tmp/ben.token
! runuser -u ben -- framemill --server unix:/run/framemill/http.sock --token-file /tmp/ben.token jobs 2>/dev/null ||
  fail "somebody outside of the group comes in"
rm -r /etc/framemill/scheduler.toml.d
systemctl restart framemill-scheduler

step "last night's backup is restored: workers that know more are shown, and let in when the loss is accepted"
store=/var/lib/framemill/scheduler
wait_for 60 sh -c 'framemill --token-file /tmp/token workers | grep -q up' || fail "the worker is not up"
systemctl start framemill-backup || fail "the backup fails"
copy=$(ls $store/backups/jobs-*.db | tail -1)
[ "$(stat -c %U:%a "$copy")" = framemill:600 ] || fail "the backup belongs to $(stat -c %U:%a "$copy")"
later=$(fm submit "$here/clip.toml" --quiet | tail -1)
wait_for 60 sh -c "framemill --token-file /tmp/token job $later --json | grep -q running" || fail "job $later does not run"
fm cancel "$later" --reason "after the backup" >/dev/null
sleep 12  # the worker hears of it
systemctl stop framemill-scheduler
framemill-scheduler restore "$copy" $store/jobs.db --reason drill || fail "restore"
[ "$(stat -c %U:%a $store/jobs.db)" = framemill:600 ] || fail "the restored store belongs to $(stat -c %U:%a $store/jobs.db)"
systemctl start framemill-scheduler
wait_for 60 sh -c 'framemill --token-file /tmp/token workers | grep -q host.history' || { fm workers; fail "a worker of lost history is not shown"; }
! fm job "$later" >/dev/null 2>&1 || fail "the restored store knows job $later"
systemctl stop framemill-scheduler
framemill-scheduler new-era $store/jobs.db --reason drill || fail "new-era"
systemctl start framemill-scheduler
wait_for 60 sh -c 'framemill --token-file /tmp/token workers | grep -q up && ! framemill --token-file /tmp/token workers | grep -q host.history' ||
  { fm workers; fail "the worker does not follow the new era"; }

step "a store that cannot open leaves the unit failed, so that an alarm fires"
systemctl stop framemill-scheduler
cp -p $store/jobs.db /tmp/jobs.db
truncate -s 8192 $store/jobs.db
systemctl start framemill-scheduler 2>/dev/null || true
wait_for 20 systemctl is-failed -q framemill-scheduler || fail "the unit is $(systemctl is-active framemill-scheduler)"
[ "$(property framemill-scheduler ExecMainStatus)" = 78 ] || fail "it ended with $(property framemill-scheduler ExecMainStatus)"
cp -p /tmp/jobs.db $store/jobs.db
systemctl reset-failed framemill-scheduler
systemctl start framemill-scheduler
wait_for 60 sh -c 'framemill --token-file /tmp/token workers | grep -q up' || fail "the farm does not go on"

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
