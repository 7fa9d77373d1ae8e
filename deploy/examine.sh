#!/bin/sh
# The whole log checked, then every decision made again; officers see both results at /console/log. For cron or
# systemd/rondom-examine.timer. Settings of the broker come from the environment or from BROKER_SETTINGS.
#
#   RONDOM_BROKER        the command (broker)
#   RONDOM_WITNESSES     a file with the witnesses that you trust, not the broker's own (none)
#
# Both are done, also when the first finds something. Exit code: the worst of the two; 1 is not right, 2 not checked.
set -u
umask 077

broker=${RONDOM_BROKER:-broker}
worst=0

note() {
  case $1 in
    0) ;;
    1) worst=1 ;;
    *) [ "$worst" -eq 1 ] || worst=2 ;;
  esac
}

if [ -n "${RONDOM_WITNESSES:-}" ]; then
  "$broker" audit verify --wait --witnesses "$RONDOM_WITNESSES"
else
  "$broker" audit verify --wait
fi
note $?
"$broker" audit replay
note $?
exit "$worst"
