#!/bin/bash
# Three hosts on one machine: network namespaces on one switch, each with a name, an address, a machine id and a
# /tmp/ppg-UID (where processes of pypipegraph have their sockets) of its own. For tests, and to try a cluster without
# having one. Needs root and iproute2. PPG_BIN: where ppg-coordinator, ppg-slave and python are (default: those of PATH).
#
#   three-hosts.sh up DIR             make head, one and two; DIR keeps keys, logs, pids, and what is in /tmp/ppg-UID of
#                                     each host, in sockets-HOST
#   three-hosts.sh coordinator DIR    start the coordinator on head (again)
#   three-hosts.sh slave DIR HOST [USER] [OPTION…]
#                                     start a slave on one or two; USER: whose keys (default: owner, see `user`)
#   three-hosts.sh user DIR NAME      keys for a second user, admitted by the owner
#   three-hosts.sh run DIR HOST [--user NAME] COMMAND…
#                                     run a command there, with PPG_COORDINATOR and PPG_KEYS set
#   three-hosts.sh pid DIR WHAT       process id of `coordinator`, `slave-one`, `slave-one-NAME` …
#   three-hosts.sh cut DIR HOST       take the host's cable out; `mend` puts it in again
#   three-hosts.sh down DIR           end everything and remove the hosts
#   three-hosts.sh demo DIR           what this is for: the lambda phage example, here and over the hosts, undisturbed,
#                                     with a slave killed, with the coordinator restarted, with a second user arriving
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
BIN=${PPG_BIN:+$PPG_BIN/}
SOCKETS=/tmp/ppg-$(id -u)
PORT=7700
HEAD=10.77.0.1
declare -A ADDRESS=([head]=10.77.0.1 [one]=10.77.0.2 [two]=10.77.0.3)

fail() { echo "three-hosts.sh: $*" >&2; exit 1; }
tag() { cat "$DIR/tag"; }
namespace() { echo "ppg$(tag)-$1"; }

enter() { # enter HOST COMMAND…: become it on a host, with the host's name and sockets (netns makes mounts private)
    local host=$1
    shift
    exec ip netns exec "$(namespace "$host")" unshare --uts sh -c \
        'hostname "$0" && mount --bind "$1" "$2" && shift 2 && exec "$@"' "$host" "$DIR/sockets-$host" "$SOCKETS" "$@"
}

on() { (enter "$@"); } # on HOST COMMAND…: run it on a host

alive() { [ -s "$DIR/$1.pid" ] && kill -0 "$(cat "$DIR/$1.pid")" 2>/dev/null; }

start() { # start NAME HOST COMMAND…: a daemon, whose pid and log are kept
    local name=$1 host=$2
    shift 2
    alive "$name" && fail "$name runs already, as $(cat "$DIR/$name.pid")"
    enter "$host" sh -c 'echo $$ > "$0" && exec setsid "$@"' "$DIR/$name.pid" "$@" >> "$DIR/$name.log" 2>&1 < /dev/null &
    for _ in $(seq 100); do alive "$name" && return; sleep 0.05; done
    fail "$name did not start: $(tail -3 "$DIR/$name.log")"
}

stop() { # stop NAME: SIGTERM twice (drain, at once), then SIGKILL
    alive "$1" || return 0
    local pid signal
    pid=$(cat "$DIR/$1.pid")
    for signal in TERM TERM KILL; do
        kill "-$signal" "$pid" 2>/dev/null || break
        for _ in $(seq 60); do kill -0 "$pid" 2>/dev/null || break 2; sleep 0.05; done
    done
    rm -f "$DIR/$1.pid"
}

keys_of() { if [ "$1" = owner ]; then echo "$DIR/keys"; else echo "$DIR/keys-$1"; fi; }

up() {
    [ "$(id -u)" -eq 0 ] || fail "only root can make network namespaces"
    command -v ip > /dev/null || fail "ip is missing; on Debian and Ubuntu: apt-get install iproute2"
    mkdir -p "$DIR"
    [ -e "$DIR/tag" ] && fail "$DIR has hosts already; take them down first"
    echo "$$" > "$DIR/tag"
    mkdir -p -m 700 "$SOCKETS" "$DIR"/sockets-{head,one,two}
    ip netns add "$(namespace switch)"
    ip -n "$(namespace switch)" link add bridge type bridge
    ip -n "$(namespace switch)" link set bridge up
    for host in head one two; do
        ip netns add "$(namespace $host)"
        ip -n "$(namespace switch)" link add "$host" type veth peer name eth0 netns "$(namespace $host)"
        ip -n "$(namespace switch)" link set "$host" master bridge up
        ip -n "$(namespace $host)" link set lo up
        ip -n "$(namespace $host)" addr add "${ADDRESS[$host]}/24" dev eth0
        ip -n "$(namespace $host)" link set eth0 up
    done
    [ -d "$DIR/keys" ] || "${BIN}ppg-coordinator" keys "$DIR/keys"
}

coordinator() {
    start coordinator head "${BIN}ppg-coordinator" serve --listen "tcp://$HEAD:$PORT" --keys "$DIR/keys" "$@"
}

slave() { # slave HOST [USER] [OPTION…]
    local host=$1 user=owner
    shift
    if [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; then user=$1; shift; fi
    local name=slave-$host
    [ "$user" = owner ] || name=$name-$user
    start "$name" "$host" "${BIN}ppg-slave" --coordinator "tcp://$HEAD:$PORT" --keys "$(keys_of "$user")" \
        --machine-id "$(namespace "$host")" "$@"
}

run() { # run HOST [--user NAME] COMMAND…
    local host=$1 user=owner
    shift
    if [ "$1" = --user ]; then user=$2; shift 2; fi
    PPG_COORDINATOR="tcp://$HEAD:$PORT" PPG_KEYS="$(keys_of "$user")" on "$host" "$@"
}

user() {
    "${BIN}ppg-coordinator" keys "$DIR/keys-$1" --user "$1" --coordinator-key "$DIR/keys/coordinator.key"
    run head "${BIN}ppg-coordinator" authorize "$1" "$DIR/keys-$1/user.key"
}

down() {
    [ -e "$DIR/tag" ] || return 0
    local file host
    for file in "$DIR"/slave-*.pid "$DIR"/coordinator.pid; do
        [ -e "$file" ] && stop "$(basename "$file" .pid)"
    done
    for host in head one two switch; do
        ip netns del "$(namespace $host)" 2> /dev/null || true
    done
    rm -f "$DIR/tag"
}

# ---------------------------------------------------------------------------------------------------------------- demo

PIPELINE=$HERE/../examples/lambda_phage/pipeline.py

files() { # what the example made, its caches included, without logs and records
    (cd "$1" && find . -type f ! -path './logs/*' ! -name '.pypipegraph*' -print0 | sort -z | xargs -0 sha256sum)
}

compare() { # compare NAME
    files "$DIR/$1" > "$DIR/$1.sums"
    diff -q "$DIR/local.sums" "$DIR/$1.sums" > /dev/null || fail "$1 made other files: $(diff "$DIR/local.sums" "$DIR/$1.sums" | head -5)"
    echo "three-hosts.sh: $1: $(wc -l < "$DIR/$1.sums") files, byte for byte those of the local run"
}

middle() { # middle NAME: wait until a few mapped chunks are there, and not all
    for _ in $(seq 1200); do
        [ "$(find "$DIR/$1/mapped" -type f 2> /dev/null | wc -l)" -ge 3 ] && return
        sleep 0.05
    done
    fail "$1 did not get to its middle"
}

disturbed() { # disturbed NAME COMMAND…: the example over the hosts, and a command in its middle
    local name=$1 pid
    shift
    run head "${BIN}python" "$PIPELINE" --quiet --output "$DIR/$name" &
    pid=$!
    middle "$name"
    "$@"
    wait "$pid" || fail "$name: the pipeline failed"
    compare "$name"
}

kill_slave() { kill -KILL "$(cat "$DIR/slave-two.pid")"; rm -f "$DIR/slave-two.pid"; }
restart_coordinator() { kill -KILL "$(cat "$DIR/coordinator.pid")"; rm -f "$DIR/coordinator.pid"; sleep 0.5; coordinator; }
second_user() {
    user ben
    slave one ben
    slave two ben
    run head --user ben "${BIN}python" "$PIPELINE" --quiet --output "$DIR/of-ben"
    compare of-ben
}

demo() {
    trap down EXIT
    "${BIN}python" "$PIPELINE" --quiet --output "$DIR/local"
    files "$DIR/local" > "$DIR/local.sums"
    up
    coordinator
    slave one
    slave two
    run head "${BIN}python" "$PIPELINE" --quiet --output "$DIR/undisturbed"
    compare undisturbed
    disturbed slave-killed kill_slave
    slave two
    disturbed coordinator-restarted restart_coordinator
    disturbed two-users second_user
}

[ $# -ge 2 ] || { sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2; }
COMMAND=$1
mkdir -p "$2"
DIR=$(cd "$2" && pwd)
shift 2
case $COMMAND in
    up | coordinator | slave | user | run | down | demo) "$COMMAND" "$@" ;;
    pid) cat "$DIR/$1.pid" ;;
    cut) ip -n "$(namespace switch)" link set "$1" down ;;
    mend) ip -n "$(namespace switch)" link set "$1" up ;;
    *) fail "there is no command $COMMAND" ;;
esac
