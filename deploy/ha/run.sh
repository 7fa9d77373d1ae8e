#!/bin/sh
# Three machines on one: etcd and PostgreSQL with Patroni three times, on loopback addresses of their own, and HAProxy before
# them. To try things out, and for `make test-ha`; on machines of your own the same files are used (README.md).
#
#   run.sh up          start; everything lies in RONDOM_HA (default /tmp/rondom-ha)
#   run.sh down        stop, and throw that folder away
#   run.sh list        who is what, as Patroni sees it
#   run.sh start NAME  start the Patroni of a, b or c that was stopped or killed
#   run.sh primary     the name of the primary
#
# Debian 12: apt-get install --no-install-recommends patroni python3-etcd etcd-server haproxy postgresql
set -eu

here=$(cd "$(dirname "$0")" && pwd)
home=${RONDOM_HA:-/tmp/rondom-ha}
base=${RONDOM_HA_NET:-127.0.77}           # a is .1, b .2, c .3 and HAProxy .10; all of 127/8 is this machine
pg_port=${RONDOM_HA_PORT:-15432}
rest_port=18008 etcd_port=12379 peer_port=12380
names="a b c"

address() { case $1 in a) echo "$base.1" ;; b) echo "$base.2" ;; c) echo "$base.3" ;; proxy) echo "$base.10" ;; esac; }

# PostgreSQL refuses to run as root.
as_user() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@"; else "$@"; fi; }

fail() { echo "$*" >&2; exit 1; }

need() {
  for program in patroni etcd haproxy; do
    command -v "$program" > /dev/null || [ -x "/usr/sbin/$program" ] || fail "$program is missing. On Debian:" \
      "apt-get install --no-install-recommends patroni python3-etcd etcd-server haproxy postgresql"
  done
  bin=${RONDOM_HA_BIN:-$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | sort -V | tail -n 1)}
  [ -x "$bin/initdb" ] || fail "PostgreSQL's programs are not found: set RONDOM_HA_BIN to the folder with initdb"
}

# `spawn NAME COMMAND...`: in the background, in a session of its own, with its number in NAME.pid.
spawn() {
  name=$1; shift
  ( cd / && exec env LC_ALL=C.UTF-8 setsid "$@" >> "$home/log/$name.log" 2>&1 < /dev/null & echo $! > "$home/run/$name.pid" )
}

alive() { [ -s "$home/run/$1.pid" ] && kill -0 "$(cat "$home/run/$1.pid")" 2> /dev/null; }

wait_for() {  # seconds, what for, command...
  left=$(($1 * 5)); what=$2; shift 2
  until "$@" > /dev/null 2>&1; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || fail "$what did not come; see $home/log"
    sleep 0.2
  done
}

secret() {
  [ -s "$home/secrets/$1" ] || od -An -N24 -tx1 /dev/urandom | tr -d ' \n' > "$home/secrets/$1"
  cat "$home/secrets/$1"
}

patroni_file() {
  hosts=; for one in $names; do hosts="$hosts${hosts:+,}$(address "$one"):$etcd_port"; done
  # Without waiting for the disk: what is killed here is a process, never the machine.
  speed=; [ "${RONDOM_HA_DURABLE:-}" ] || speed='    fsync: "off"'
  sed -e "s|@NAME@|$1|; s|@ADDRESS@|$(address "$1")|; s|@REST_PORT@|$rest_port|; s|@PG_PORT@|$pg_port|; s|@ETCD_HOSTS@|$hosts|" \
    -e "s|@BIN@|$bin|; s|@DATA@|$home/$1/data|; s|@PGPASS@|$home/$1/pgpass|; s|@MAX_CONNECTIONS@|120|; s|@SPEED@|$speed|" \
    -e "s|@HOST@|host|; s|@NETWORK@|127.0.0.0/8|; s|@REST_PASSWORD@|$(secret rest)|" \
    -e "s|@SUPERUSER_PASSWORD@|$(secret postgres)|; s|@REPLICATION_PASSWORD@|$(secret replicator)|" \
    -e "s|@REWIND_PASSWORD@|$(secret rewinder)|" "$here/patroni.yml" > "$home/$1/patroni.yml"
}

start() {
  ! alive "patroni-$1" || fail "$1 runs"
  spawn "patroni-$1" patroni "$home/$1/patroni.yml"
}

cluster() { wget -qO- "http://$(address "$1"):$rest_port/cluster" 2> /dev/null || curl -fsS "http://$(address "$1"):$rest_port/cluster"; }

list() { for each in $names; do if cluster "$each" 2> /dev/null; then echo; return 0; fi; done; return 1; }

primary() {
  for each in $names; do
    if curl -fsS -o /dev/null -X OPTIONS "http://$(address "$each"):$rest_port/primary" 2> /dev/null; then echo "$each"; return 0; fi
  done
  return 1
}

# How many standbys there are, one of them synchronous.
complete() { state=$(list) && [ "$(echo "$state" | grep -o '"role": "\(sync_standby\|replica\)"' | wc -l)" = 2 ] &&
  echo "$state" | grep -q sync_standby && ! echo "$state" | grep -q '"state": "\(creating\|starting\|stopped\)'; }

inside() {
  umask 077
  case $1 in
    up)
      mkdir -p "$home/log" "$home/run" "$home/secrets"
      peers=; for each in $names; do peers="$peers${peers:+,}$each=http://$(address "$each"):$peer_port"; done
      for each in $names; do
        mkdir -p "$home/$each/data"
        patroni_file "$each"
        alive "etcd-$each" || spawn "etcd-$each" etcd --name "$each" --data-dir "$home/$each/etcd" \
          --listen-client-urls "http://$(address "$each"):$etcd_port" --advertise-client-urls "http://$(address "$each"):$etcd_port" \
          --listen-peer-urls "http://$(address "$each"):$peer_port" --initial-advertise-peer-urls "http://$(address "$each"):$peer_port" \
          --initial-cluster "$peers" --initial-cluster-token rondom --log-level error --unsafe-no-fsync
      done
      wait_for 30 etcd curl -fsS "http://$(address a):$etcd_port/health"
      for each in $names; do alive "patroni-$each" || start "$each"; done
      servers=$(for each in $names; do echo "    server $each $(address "$each"):$pg_port"; done)
      while IFS= read -r line; do
        case $line in @SERVERS@) echo "$servers" ;; *) echo "$line" ;; esac
      done < "$here/haproxy.cfg" | sed -e "s|@ADDRESS@|$(address proxy)|; s|@PG_PORT@|$pg_port|; s|@REST_PORT@|$rest_port|" > "$home/haproxy.cfg"
      PATH=$PATH:/usr/sbin
      alive haproxy || spawn haproxy haproxy -db -f "$home/haproxy.cfg"
      wait_for 90 "a primary with two standbys" complete
      export PGHOST PGPORT PGUSER PGPASSWORD
      PGHOST=$(address proxy) PGPORT=$pg_port PGUSER=postgres PGPASSWORD=$(secret postgres)
      wait_for 20 "the database behind HAProxy" "$bin/psql" -qc "SELECT 1"
      if ! "$bin/psql" -qAtc "SELECT 1 FROM pg_database WHERE datname = 'rondom'" | grep -q 1; then
        secret broker_owner > /dev/null; secret broker_app > /dev/null
        "$bin/createdb" rondom
        PATH=$bin:$PATH PGDATABASE=rondom OWNER_PASSWORD_FILE="$home/secrets/broker_owner" \
          APP_PASSWORD_FILE="$home/secrets/broker_app" sh "$here/../postgres/10-roles.sh"
      fi
      for role in broker_owner broker_app; do
        echo "*:$pg_port:rondom:$role:$(secret "$role")" > "$home/$role.pgpass"
      done
      echo "The database is at $(address proxy):$pg_port, the primary is $(primary)."
      ;;
    down)
      for file in "$home"/run/*.pid; do [ -s "$file" ] && kill -TERM "$(cat "$file")" 2> /dev/null || true; done
      for each in $names; do
        [ ! -s "$home/$each/data/postmaster.pid" ] || kill -QUIT "$(head -n 1 "$home/$each/data/postmaster.pid")" 2> /dev/null || true
      done
      ;;
    start) start "$2" ;;
    list) list ;;
    primary) primary ;;
    *) fail "run.sh up | down | start NAME | list | primary" ;;
  esac
}

need
export RONDOM_HA="$home" RONDOM_HA_NET="$base" RONDOM_HA_PORT="$pg_port" RONDOM_HA_BIN="$bin"
if [ "${RONDOM_HA_INSIDE:-}" ] || [ "$(id -u)" != 0 ]; then
  inside "$@"
else
  [ "$1" != up ] || { mkdir -p "$home" && chown postgres:postgres "$home" && chmod 700 "$home"; }
  RONDOM_HA_INSIDE=1 as_user sh "$0" "$@"
fi
[ "$1" != down ] || { sleep 1; rm -rf "$home"; }
