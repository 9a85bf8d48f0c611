# wesher: see README.md. Everything is built below $(O).

VERSION = 0.1.0
O ?= build
PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
LIBEXECDIR ?= $(PREFIX)/libexec
MANDIR ?= $(PREFIX)/share/man
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
DATADIR ?= $(PREFIX)/share/wesher
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
DESTDIR ?=
PKG_CONFIG ?= pkg-config
CLANG_FORMAT ?= clang-format

CFLAGS ?= -O2 -g
WARN = -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wshadow \
	-Wpointer-arith -Wcast-qual -Wsign-compare -Wvla
ifeq ($(CI),true)
WARN += -Werror
endif
# What every build gets; the environment's CFLAGS, CPPFLAGS and LDFLAGS come
# last, so that they win.
HARDEN_C = -fPIE -fstack-protector-strong -fno-common
HARDEN_L = -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed
ifeq ($(findstring -fsanitize,$(CFLAGS))$(findstring -O0,$(CFLAGS)),)
HARDEN_P = -D_FORTIFY_SOURCE=2
endif
ifeq ($(SANDBOX),no)
HARDEN_P += -DSANDBOX_NO
endif

pc = $(shell $(PKG_CONFIG) $(1) $(2))
LIBS_COMMON = libbsd-overlay libsodium libseccomp
LIBS_PRIV = $(LIBS_COMMON) libmnl
LIBS_WESHER = $(LIBS_COMMON) libevent_core libevent_extra jansson
# Asked once, and only when something is compiled: `make deps` may come first.
once = $(eval $(1) := $(2))$($(1))
PC_CFLAGS = $(call once,PC_CFLAGS,$(call pc,--cflags,$(LIBS_PRIV) $(LIBS_WESHER)))
LD_PRIV = $(call once,LD_PRIV,$(call pc,--libs,$(LIBS_PRIV)))
LD_WESHER = $(call once,LD_WESHER,$(call pc,--libs,$(LIBS_WESHER)) -ldl -lm)
LD_TEST = $(call once,LD_TEST,$(call pc,--libs,cmocka))

ALL_CPPFLAGS = -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DWESHER_VERSION='"$(VERSION)"' \
	-DWESHER_LIBEXECDIR='"$(LIBEXECDIR)"' $(HARDEN_P) $(PC_CFLAGS) \
	$(CPPFLAGS)
ALL_CFLAGS = -std=c11 $(WARN) $(HARDEN_C) -ffile-prefix-map=$(CURDIR)=. $(CFLAGS)
ALL_LDFLAGS = $(HARDEN_L) $(CFLAGS) $(LDFLAGS)

src = $(filter-out $(1)/main.c,$(wildcard $(1)/*.c))
obj = $(patsubst %.c,$(O)/obj/%.o,$(1))
A_COMMON = $(O)/libcommon.a
A_PRIV = $(O)/libpriv.a
A_WESHER = $(O)/libwesher.a

# Unit tests by name: regress/unit/priv_*.c link libpriv, the others
# libwesher; each is one cmocka program that speaks TAP.
T_PRIV = $(patsubst regress/unit/%.c,$(O)/unit/%,$(wildcard regress/unit/priv_*.c))
T_WESHER = $(patsubst regress/unit/%.c,$(O)/unit/%,$(filter-out \
	regress/unit/priv_%.c,$(wildcard regress/unit/*.c)))
# Of these the ones with both daemons in them: regress/unit/both.h.
T_BOTH = $(addprefix $(O)/unit/,test_hostile_address test_hostile_self)

# In these any allocation of ours can be made to fail: regress/unit/oom.h.
T_OOM = $(addprefix $(O)/unit/,priv_faults test_address test_mesh \
	test_oom test_oom_state)
$(T_OOM): ALL_LDFLAGS += -Wl,--wrap=malloc -Wl,--wrap=calloc \
	-Wl,--wrap=realloc -Wl,--wrap=reallocarray -Wl,--wrap=strdup \
	-Wl,--wrap=strndup -Wl,--wrap=mmap -Wl,--wrap=mmap64

# Tools of the scenarios, one file each.
T_E2E = $(patsubst regress/e2e/%.c,$(O)/e2e/%,$(wildcard regress/e2e/*.c)) \
	$(O)/e2e/shift.so $(O)/e2e/hostile

# Members of ours and of the original for the tests of their interoperation;
# the latter where Debian's Go and its memberlist are.
T_INTEROP = $(O)/interop/member
GOPATH_DEBIAN = /usr/share/gocode
ifneq ($(and $(shell command -v go),$(wildcard \
	$(GOPATH_DEBIAN)/src/github.com/hashicorp/memberlist)),)
ifeq ($(findstring -fsanitize,$(CFLAGS)),)
T_INTEROP += $(O)/interop/peer
T_BENCH = $(O)/bench/peer
endif
endif

# The simulator: regress/sim/exp_*.c are programs, all else there they share.
SIM_LIB = $(call obj,$(filter-out regress/sim/exp_%.c,$(wildcard regress/sim/*.c)))
T_SIM = $(patsubst regress/sim/exp_%.c,$(O)/sim/%,$(wildcard regress/sim/exp_*.c))
# What its programs share.
BENCH_SHARED = regress/bench/bench.c regress/bench/member.c
BENCH_LIB = $(call obj,$(filter $(BENCH_SHARED),$(wildcard regress/bench/*.c)))
T_BENCH += $(patsubst regress/bench/%.c,$(O)/bench/%,$(filter-out \
	$(BENCH_SHARED),$(wildcard regress/bench/*.c)))

# Fuzzing harnesses, one file each; replay.c stands in for libFuzzer where the
# compiler is not clang, and seeds.c makes their first inputs.
FUZZ = $(filter-out replay seeds,$(patsubst regress/fuzz/%.c,%,$(wildcard regress/fuzz/*.c)))
F_PRIV = $(patsubst %,$(O)/fuzz/%,boundary netlink uapi)
F_WESHER = $(filter-out $(F_PRIV),$(patsubst %,$(O)/fuzz/%,$(FUZZ)))
ifeq ($(findstring fuzzer,$(CFLAGS)),)
F_MAIN = $(O)/obj/regress/fuzz/replay.o
else
F_MAIN = -fsanitize=fuzzer
endif

all: $(O)/wesher $(O)/wesher-priv

$(O)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(A_COMMON): $(call obj,$(call src,common))
$(A_PRIV): $(call obj,$(call src,priv) $(call src,kernel))
$(A_WESHER): $(call obj,$(call src,wesher))
$(A_COMMON) $(A_PRIV) $(A_WESHER):
	@mkdir -p $(@D)
	rm -f $@
	$(AR) rcs $@ $^

$(O)/wesher: $(O)/obj/wesher/main.o $(A_WESHER) $(A_COMMON)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LD_WESHER)

$(O)/wesher-priv: $(O)/obj/priv/main.o $(A_PRIV) $(A_COMMON)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LD_PRIV)

$(T_PRIV): $(O)/unit/%: $(O)/obj/regress/unit/%.o $(A_PRIV) $(A_COMMON)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LD_PRIV) $(LD_TEST)

$(filter-out $(T_BOTH),$(T_WESHER)): $(O)/unit/%: $(O)/obj/regress/unit/%.o \
    $(A_WESHER) $(A_COMMON)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LD_WESHER) $(LD_TEST)

$(T_BOTH): $(O)/unit/%: $(O)/obj/regress/unit/%.o $(A_WESHER) $(A_PRIV) $(A_COMMON)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LD_WESHER) $(LD_TEST)

$(F_PRIV): $(O)/fuzz/%: $(O)/obj/regress/fuzz/%.o $(filter %.o,$(F_MAIN)) \
    $(A_PRIV) $(A_COMMON)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) $(filter -f%,$(F_MAIN)) -o $@ $^ $(LD_PRIV)

$(F_WESHER): $(O)/fuzz/%: $(O)/obj/regress/fuzz/%.o $(filter %.o,$(F_MAIN)) \
    $(A_WESHER) $(A_COMMON)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) $(filter -f%,$(F_MAIN)) -o $@ $^ $(LD_WESHER)

$(O)/fuzz/seeds: $(O)/obj/regress/fuzz/seeds.o $(A_WESHER) $(A_COMMON)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LD_WESHER)

fuzz-programs: $(F_PRIV) $(F_WESHER) $(O)/fuzz/seeds

$(O)/e2e/%.so: regress/preload/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -fPIC -shared -o $@ $<

# What takes the gossip process's place.
$(O)/e2e/hostile: $(O)/obj/regress/priv/hostile.o $(A_COMMON)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LD_PRIV)

$(filter-out %.so %/ask %/forger %/hostile,$(T_E2E)): $(O)/e2e/%: $(O)/obj/regress/e2e/%.o
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^

# These speak the protocol.
$(O)/e2e/ask $(O)/e2e/forger: $(O)/e2e/%: $(O)/obj/regress/e2e/%.o $(A_WESHER) \
	$(A_COMMON)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LD_WESHER)

$(O)/interop/member: $(O)/obj/regress/interop/member.o $(A_WESHER) $(A_COMMON)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LD_WESHER)

$(O)/interop/peer: $(wildcard regress/interop/peer/*.go)
	@mkdir -p $(@D)
	CGO_ENABLED=0 GO111MODULE=off GOPATH=$(GOPATH_DEBIAN) \
	    GOCACHE=$(abspath $(O))/go-cache go build -o $@ ./regress/interop/peer

$(O)/bench/peer: $(wildcard regress/bench/peer/*.go)
	@mkdir -p $(@D)
	CGO_ENABLED=0 GO111MODULE=off GOPATH=$(GOPATH_DEBIAN) \
	    GOCACHE=$(abspath $(O))/go-cache go build -o $@ ./regress/bench/peer

$(filter-out %/peer %/kernel,$(T_BENCH)): $(O)/bench/%: $(O)/obj/regress/bench/%.o \
    $(BENCH_LIB) $(A_WESHER) $(A_PRIV) $(A_COMMON)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LD_WESHER) $(LD_PRIV)

# In the place of wesher-priv.
$(O)/bench/kernel: $(O)/obj/regress/bench/kernel.o $(A_PRIV) $(A_COMMON)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LD_PRIV)

$(T_SIM): $(O)/sim/%: $(O)/obj/regress/sim/exp_%.o $(SIM_LIB) $(A_WESHER) \
    $(A_PRIV) $(A_COMMON)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LD_WESHER) $(LD_PRIV)

bench-programs: $(T_BENCH)

sim-programs: $(T_SIM)

e2e-programs: $(T_E2E)

unit-programs: $(T_PRIV) $(T_WESHER)

test-programs: unit-programs fuzz-programs bench-programs sim-programs \
	$(T_E2E) $(T_INTEROP)

# What a fresh Debian lacks; quick and offline when nothing is missing.
deps:
	@sh regress/lib/deps

# Every test. The second make sees what deps has just installed.
check: deps
	@+sh regress/lib/check short

check-long: deps
	@+sh regress/lib/check long

# Each harness for so many seconds, two side by side; the corpus stays.
FUZZ_SECONDS ?= 60
fuzz: deps
	@+perl regress/lib/fuzz $(FUZZ_SECONDS) $(FUZZ)

# Line coverage by folder against its bounds; the unit programs in valgrind.
cov: deps
	@+perl regress/lib/cov

memcheck: deps
	@+ALL=1 sh regress/check/memcheck.t

# Ours and memberlist side by side, and the experiments of the simulator.
bench: deps
	@$(MAKE) --no-print-directory -s O=$(O) all bench-programs $(T_E2E)
	@O=$(O) sh regress/bench/run full

sim: deps
	@$(MAKE) --no-print-directory -s O=$(O) sim-programs
	@O=$(O) sh regress/sim/run full

# For other machines, with Debian's cross compilers: ARCH="arm64 armhf i386
# s390x" or some of them.
ARCH ?= arm64 armhf i386 s390x
cross: deps
	@+PERL5LIB=regress/lib prove --formatter Totals --timer --failures \
	    --comments --exec "sh regress/cross/run" $(ARCH)

demo: deps
	@$(MAKE) --no-print-directory -s O=$(O) all $(O)/e2e/names
	@O=$(O) sh regress/demo

SUBST_PATHS = sed -e 's|@SBINDIR@|$(SBINDIR)|g' \
	-e 's|@LIBEXECDIR@|$(LIBEXECDIR)|g' \
	-e 's|@DATADIR@|$(DATADIR)|g'
SUBST = $(SUBST_PATHS) -e 's|/etc/|$(SYSCONFDIR)/|g'
# The unit of one mesh among several.
INSTANCE = sed -e 's|wgoverlay|%i|g' -e 's|a mesh of|the mesh %i of|' \
	-e 's|--keep-interface$$|& --interface %i|' \
	-e 's|^EnvironmentFile=.*|&\nEnvironmentFile=-$(SYSCONFDIR)/wesher/%i.env|'

install: all
ifeq ($(SANDBOX),no)
	@echo "install: a build with SANDBOX=no is for tests alone" >&2; exit 1
endif
	@! $(O)/wesher --version | grep -q SANDBOX=no || { echo \
	    "install: $(O) was built with SANDBOX=no, try make clean" >&2; \
	    exit 1; }
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(LIBEXECDIR) \
	    $(DESTDIR)$(MANDIR)/man8 $(DESTDIR)$(MANDIR)/man7 \
	    $(DESTDIR)$(UNITDIR) $(DESTDIR)$(SYSUSERSDIR) \
	    $(DESTDIR)$(TMPFILESDIR) $(DESTDIR)$(DATADIR)
	install -m 755 $(O)/wesher $(DESTDIR)$(SBINDIR)/wesher
	install -m 755 $(O)/wesher-priv $(DESTDIR)$(LIBEXECDIR)/wesher-priv
	install -m 644 man/wesher.8 man/wesher-priv.8 $(DESTDIR)$(MANDIR)/man8
	install -m 644 man/wesher-protocol.7 $(DESTDIR)$(MANDIR)/man7
	$(SUBST) dist/systemd/wesher.service >$(DESTDIR)$(UNITDIR)/wesher.service
	$(SUBST) dist/systemd/wesher.service | $(INSTANCE) \
	    >$(DESTDIR)$(UNITDIR)/wesher@.service
	chmod 644 $(DESTDIR)$(UNITDIR)/wesher.service \
	    $(DESTDIR)$(UNITDIR)/wesher@.service
	install -m 644 dist/systemd/sysusers.conf \
	    $(DESTDIR)$(SYSUSERSDIR)/wesher.conf
	install -m 644 dist/systemd/tmpfiles.conf \
	    $(DESTDIR)$(TMPFILESDIR)/wesher.conf
	install -m 644 dist/systemd/userspace.conf \
	    dist/systemd/credential.conf dist/grafana/wesher.json $(DESTDIR)$(DATADIR)
	@for f in openrc/wesher openrc/wesher.confd runit/wesher/run \
	    runit/wesher/finish runit/wesher/log/run apparmor/wesher \
	    apparmor/wesher-priv apparmor/apparmor.conf; do \
		mode=$$(test -x dist/$$f && echo 755 || echo 644); \
		install -D -m $$mode dist/$$f $(DESTDIR)$(DATADIR)/$$f && \
		$(SUBST_PATHS) dist/$$f >$(DESTDIR)$(DATADIR)/$$f || exit 1; \
	done
	install -D -m 644 dist/completions/wesher.bash $(DESTDIR)$(BASHDIR)/wesher
	install -D -m 644 dist/completions/_wesher $(DESTDIR)$(ZSHDIR)/_wesher
	install -D -m 644 dist/completions/wesher.fish \
	    $(DESTDIR)$(FISHDIR)/wesher.fish

# The committed tree as a tarball, the same bytes each time.
DIST = wesher-$(VERSION)
dist:
	@git rev-parse -q --verify HEAD >/dev/null || { echo \
	    "dist: what is packed is a commit: clone the repository" >&2; \
	    exit 1; }
	@mkdir -p $(O)
	git archive --format=tar --prefix=$(DIST)/ HEAD | gzip -9n \
	    >$(O)/$(DIST).tar.gz

# The same release's descriptions for rpm, Alpine and Arch.
spec: dist
	@sh dist/spec $(VERSION) $(O)/$(DIST).tar.gz $(O)/spec
	@echo "$(O)/spec has wesher.spec, APKBUILD and PKGBUILD"

# A Debian package of the tarball, or of what is unpacked from one.
deb:
	@O=$(O) VERSION=$(VERSION) sh dist/debian/make

# The pictures of the README from their texts; regress/check/diagrams.t compares.
diagrams:
	@for f in man/diagrams/*.txt; do \
		man/diagrams/draw "$$f" >"$${f%.txt}.svg" || exit 1; \
	done

format:
	$(CLANG_FORMAT) -i $(C_FILES)

format-check:
	$(CLANG_FORMAT) --dry-run -Werror $(C_FILES)

C_FILES = $(wildcard common/*.[ch] kernel/*.[ch] priv/*.[ch] wesher/*.[ch] regress/*/*.[ch])

clean:
	rm -rf build build-* $(O)

-include $(wildcard $(O)/obj/*/*.d $(O)/obj/regress/*/*.d)

.PHONY: all unit-programs e2e-programs fuzz-programs test-programs bench-programs \
	sim-programs deps check check-long fuzz cov memcheck bench sim cross demo \
	install dist spec deb diagrams format format-check clean
.SECONDARY:
