#!/bin/sh
# The quickstart with the programs built for ASan and UBSan.
WESHER_TEST_FIRST=3000 exec "$(dirname "$0")/run" -O build-asan -t 300 \
    -m 3072 regress/e2e/three
