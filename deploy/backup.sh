#!/bin/sh
# A checked copy of the database, and the log's checkpoint of that moment; the newest RONDOM_BACKUPS_KEEP of each stay.
# For cron or systemd/rondom-backup.timer. Settings of the broker come from the environment or from BROKER_SETTINGS; on
# PostgreSQL set BROKER_OWNER_DATABASE_URL too, and have pg_dump in PATH. No key comes into a copy: keep those elsewhere.
#
#   RONDOM_BACKUPS       the folder for the copies (required); not the folder of the keys, nor that of the log's guard
#   RONDOM_BACKUPS_KEEP  how many copies stay (14)
#   RONDOM_BROKER        the command (broker)
set -eu
umask 077

: "${RONDOM_BACKUPS:?the folder for the copies}"
keep=${RONDOM_BACKUPS_KEEP:-14}
broker=${RONDOM_BROKER:-broker}

case $keep in
  '' | *[!0-9]* | 0*) echo "RONDOM_BACKUPS_KEEP is a number from 1 on" >&2; exit 2 ;;
esac
[ -d "$RONDOM_BACKUPS" ] || { echo "the folder in RONDOM_BACKUPS is not there" >&2; exit 2; }
for key in "$RONDOM_BACKUPS"/*.*.json; do
  [ ! -e "$key" ] || { echo "RONDOM_BACKUPS holds key files: keep keys and copies apart" >&2; exit 2; }
done

name=rondom-$(date -u +%Y%m%dT%H%M%SZ)
"$broker" db backup "$RONDOM_BACKUPS/$name.copy"
if ! "$broker" audit checkpoint > "$RONDOM_BACKUPS/$name.checkpoint"; then
  rm -f "$RONDOM_BACKUPS/$name.checkpoint"
  echo "the copy was made; the log has no checkpoint that could be kept with it" >&2
fi

# The names sort by time; only names that this script makes are touched.
for end in copy checkpoint; do
  set -- "$RONDOM_BACKUPS"/rondom-[0-9]*T[0-9]*Z."$end"
  while [ "$#" -gt "$keep" ]; do
    rm -f "$1"
    shift
  done
done
