#!/bin/sh
# wesher(8) explains every error, warning and conflict that the daemon and its
# commands can tell, and nothing that none of them says.
cd "$(dirname "$0")/../.." || exit 1
exec regress/lib/diagnostics man/wesher.8 wesher/*.c priv/*.c common/*.c \
    kernel/*.c
