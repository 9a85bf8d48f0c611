#!/bin/sh
# Formatting: clang-format for C, a parse for the scripts.
. "$(dirname "$0")/lib.sh"
need clang-format
check "clang-format has nothing to change" "$MAKE" -s format-check
for f in regress/vm/* regress/interop/* regress/e2e/* regress/check/* regress/lib/* \
    regress/demo .ci/run; do
	[ -f "$f" ] || continue
	read -r first <"$f"
	case $first in
	'#!/bin/sh') check "$f is a shell script" dash -n "$f" ;;
	*bash) check "$f is a bash script" bash -n "$f" ;;
	esac
done
done_testing
