#!/bin/sh
# The link's long forms: a terminal typed into through a cut of 10 minutes, then 10 minutes and an hour of random
# faults under all that a user may have open. Takes 85 minutes, or with an argument:
# link.sh SECONDS: only the random faults, so long. RDEV_SEED=N repeats those of another run, which says its N.
set -eu
cd "$(dirname "$0")/../.."

# lasting SECONDS FILE [TEST]
lasting() {
  seconds=$1
  file=$2
  shift 2
  echo "== $file, $seconds s"
  RDEV_SECONDS=$seconds RDEV_TEST_TIMEOUT=$((seconds + 400)) /usr/bin/python3 tests/lab/run.py "tests/e2e/$file" "$@"
}

case ${1:-} in
  '')
    lasting 600 resume_test.py Resume.test_a_terminal_typed_into_through_a_long_cut
    lasting 600 storm_test.py
    lasting 3600 storm_test.py
    ;;
  *[!0-9]*)
    echo "link.sh: '$1' is no number of seconds" >&2
    exit 2
    ;;
  *) lasting "$1" storm_test.py ;;
esac
