#!/bin/sh
# wesher-priv(8) as a specification: records, states, limits, reasons, arguments
# and sandboxes are those of the sources, and none is missing.
. "$(dirname "$0")/lib.sh"
need perl
export OUT
perl regress/lib/privspec man/wesher-priv.8
