# leakline: make, make check, make install PREFIX= DESTDIR=, make lint
include src/layers.mk

PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= gcc
B       := build
V       := $(shell cat VERSION)

WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wno-unused-parameter -Werror=implicit-function-declaration -Werror=vla
CSTD    := -std=gnu17 -D_GNU_SOURCE -DLK_VERSION=\"$(V)\"
OPT     ?= -O2 -g

# The guest: small, self-contained, initial-exec TLS, libc only.  No SLP vectoriser:
# it merges stores that are read back at once (docs/PERFORMANCE.md).
GUEST_CFLAGS := $(CSTD) $(WARN) $(OPT) -fPIC -fvisibility=hidden -ftls-model=initial-exec \
	-fcf-protection -fno-tree-slp-vectorize -fomit-frame-pointer -fno-builtin-malloc \
	-fno-builtin-calloc -fno-builtin-realloc -fno-builtin-free -fno-stack-protector \
	-fno-exceptions -fno-asynchronous-unwind-tables -fasynchronous-unwind-tables \
	-Isrc -DLK_GUEST
HOST_PKGS    := libdw libelf sqlite3 jansson zlib
HOST_CFLAGS  := $(CSTD) $(WARN) $(OPT) -Isrc $(shell pkg-config --cflags $(HOST_PKGS) 2>/dev/null)
HOST_LIBS    := $(shell pkg-config --libs $(HOST_PKGS) 2>/dev/null) -liberty -llzma -ldl -lm

GUEST_SRC := $(foreach l,$(GUEST_LAYERS),$(wildcard src/$(l)/*.c src/$(l)/arch/*.c))
HOST_SRC  := $(foreach l,$(HOST_LAYERS),$(wildcard src/$(l)/*.c))
GUEST_OBJ := $(GUEST_SRC:src/%.c=$B/guest/%.o)
HOST_OBJ  := $(HOST_SRC:src/%.c=$B/host/%.o)
# The catalogue of leak patterns is compiled in, so that reports need no file.
HOST_OBJ  += $B/host/leak_patterns.o
LIB_OBJ   := $(filter-out $B/host/cli/%,$(HOST_OBJ))

UNIT_SRC  := $(wildcard tests/unit/test_*.c)
UNIT      := $(UNIT_SRC:tests/unit/%.c=$B/tests/%)
PROG_SRC  := $(wildcard tests/programs/*.c)
PROG      := $(PROG_SRC:tests/programs/%.c=$B/programs/%)

all: $B/leakline $B/libleakline-agent.so $B/leak.patterns

# An include that the layers forbid does not build.
$B/.layers: src/layers.mk tests/lint $(wildcard src/*/*.[ch])
	@mkdir -p $(@D)
	@if command -v perl >/dev/null; then tests/lint layers; else echo "perl not found: layers not checked"; fi
	@touch $@

$B/guest/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(GUEST_CFLAGS) -MMD -MP -c -o $@ $<

# Hooks find their caller's registers through their own frame pointer (LK_CALLER).
$B/guest/agent/hooks_%.o $B/guest/agent/got.o: GUEST_CFLAGS += -fno-omit-frame-pointer

$B/host/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -MMD -MP -c -o $@ $<

# A C array of a text, by od and sed: both are everywhere.
$B/leak_patterns.c: data/leak.patterns Makefile
	@mkdir -p $(@D)
	@{ echo '#include "report/catalogue.h"'; echo 'const unsigned char lk_catalogue_text[] = {'; \
		od -An -v -tx1 $< | sed 's/\([0-9a-f][0-9a-f]\)/0x\1,/g'; echo '};'; \
		echo 'const size_t lk_catalogue_size = sizeof(lk_catalogue_text);'; } >$@.tmp
	@mv $@.tmp $@

$B/host/leak_patterns.o: $B/leak_patterns.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -MMD -MP -c -o $@ $<

$B/leak.patterns: data/leak.patterns
	@mkdir -p $(@D)
	@cp $< $@

$B/libleakline-agent.so: $(GUEST_OBJ) src/agent/exports.map | $B/.layers
	$(CC) -shared -Wl,-soname,libleakline-agent.so -Wl,-z,now -Wl,-z,relro -Wl,--no-undefined \
		-Wl,--version-script=src/agent/exports.map -nostartfiles -o $@ $(GUEST_OBJ) -lc

$B/leakline: $(HOST_OBJ) | $B/.layers
	$(CC) -o $@ $(HOST_OBJ) $(HOST_LIBS)

# Unit tests: one program per source file, TAP.  A test of guest code links the guest's
# objects it names in tests/unit/<test>.mk, or all host objects.
$B/tests/test_%: tests/unit/test_%.c $(LIB_OBJ) $(GUEST_OBJ) tests/unit/tap.h
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -Wno-error=vla -Wno-vla -Itests/unit -o $@ $< $(UNIT_EXTRA_$*) $(LIB_OBJ) $(HOST_LIBS)

-include tests/unit/extra.mk

# Fuzz targets: the readers of foreign bytes under sanitizers, with a main that replays
# tests/fuzz/corpus.  FUZZ_CC=clang FUZZ_OPT=-fsanitize=fuzzer,.. FUZZ_MAIN= makes a fuzzer.
FUZZ_CC   ?= $(CC)
FUZZ_OPT  ?= -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined
FUZZ_MAIN ?= tests/fuzz/replay.c
FUZZ_SRC  := $(foreach l,elf unwind util process runtime leak,$(wildcard src/$(l)/*.c)) $(addprefix src/walk/,clr_json.c clr_array.c clr_unwind.c peek.c)
FUZZ_OBJ  := $(FUZZ_SRC:src/%.c=$B/fuzz/%.o)
FUZZ      := $(patsubst tests/fuzz/fuzz_%.c,$B/tests/fuzz_%,$(wildcard tests/fuzz/fuzz_*.c))

$B/fuzz/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(FUZZ_CC) $(CSTD) $(WARN) $(FUZZ_OPT) -Isrc -MMD -MP -c -o $@ $<

$B/tests/fuzz_%: tests/fuzz/fuzz_%.c tests/fuzz/replay.c $(FUZZ_OBJ)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(CSTD) $(WARN) $(FUZZ_OPT) -Isrc -Itests/unit -o $@ $< $(FUZZ_MAIN) $(FUZZ_OBJ) -lz -lm

$B/programs/%: tests/programs/%.c tests/programs/expect.h
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE -O1 -g -Wall -Wno-use-after-free -Wno-infinite-recursion -o $@ $< -pthread -ldl

# The agent with a witness that compares every stack with libgcc's (tests/check/check.c).
$B/tests/libleakline-check.so: $(GUEST_OBJ) tests/check/check.c src/agent/exports.map
	@mkdir -p $(@D)
	$(CC) $(GUEST_CFLAGS) -shared -Wl,--wrap=lk_capture -Wl,--version-script=src/agent/exports.map \
		-o $@ tests/check/check.c $(GUEST_OBJ) -lgcc_s

# The agent with a witness that stands still for a debugger (tests/check/park.c).
$B/tests/libleakline-park.so: $(GUEST_OBJ) tests/check/park.c src/agent/exports.map
	@mkdir -p $(@D)
	$(CC) $(GUEST_CFLAGS) -shared -Wl,--wrap=lk_capture -Wl,--version-script=src/agent/exports.map \
		-o $@ tests/check/park.c $(GUEST_OBJ) -lc

PLUGINS := $(patsubst tests/programs/lib/%.c,$B/programs/lib/%.so,$(wildcard tests/programs/lib/*.c))
$B/programs/lib/%.so: tests/programs/lib/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -O1 -g -shared -fPIC -o $@ $<

tests: $(UNIT) $(FUZZ) $(PROG) $(PLUGINS) $B/tests/libleakline-check.so \
	$B/tests/libleakline-park.so

check: all tests
	tests/run

# Every way to publish and run a .NET program; much of it is built first (build/dotnet-matrix).
check-dotnet: all tests
	LEAKLINE_MATRIX=full TEST_TIMEOUT=3000 tests/run tests/integration/dotnet_matrix.t

lint: all
	tests/lint

install: all
	install -D -m 755 $B/leakline $(DESTDIR)$(PREFIX)/bin/leakline
	install -D -m 755 $B/libleakline-agent.so $(DESTDIR)$(PREFIX)/lib/leakline/libleakline-agent.so
	install -D -m 644 data/leak.patterns $(DESTDIR)$(PREFIX)/share/leakline/leak.patterns
	install -D -m 644 completions/leakline.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/leakline
	for m in docs/man/*.1; do install -D -m 644 $$m $(DESTDIR)$(PREFIX)/share/man/man1/$$(basename $$m); done

clean:
	rm -rf $B

-include $(GUEST_OBJ:.o=.d) $(HOST_OBJ:.o=.d) $(FUZZ_OBJ:.o=.d)
.PHONY: all tests check check-dotnet lint install clean
