/*
 * Nettrace streams of any bytes (libFuzzer's interface), read as a rundown and as
 * counters.  Byte 0 chooses the size of the pieces in which they come.  Seeds:
 * tests/unit/data/{counters,rundown}.nettrace.gz, unpacked, with that byte before them.
 * Build with clang -fsanitize=fuzzer,address,undefined -Isrc and src/runtime/nettrace.c,
 * rundown.c, clr_counters.c, diag_ipc.c, diag_stream.c, src/process/procfs.c, storefile.c and
 * src/util.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/clr_counters.h"
#include "runtime/rundown.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_event(void *rundown, const struct lk_nettrace_event *event)
{
	const struct lk_clr_counter *counter;
	double value;

	lk_rundown_event(rundown, event);
	lk_clr_counter_read(event->payload, event->size, &counter, &value);
}

static void look(const struct lk_rundown *r)
{
	const struct lk_rundown_method *m;
	uint32_t il;

	for (size_t i = 0; i < 100 && (m = lk_rundown_nth(r, i)); i++) {
		lk_rundown_at(r, m->start_addr);
		lk_rundown_il(r, m, m->size - 1, &il);
		lk_rundown_module(r, m->module_id);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lk_rundown *rundown;
	struct lk_nettrace *n;
	size_t piece;

	if (!size)
		return 0;
	rundown = lk_rundown_new();
	n = lk_nettrace_new(on_event, rundown);
	piece = (size_t)data[0] * data[0] + 1;
	for (size_t at = 1; at < size; at += piece)
		if (lk_nettrace_feed(n, data + at, size - at < piece ? size - at : piece))
			break;
	lk_nettrace_ms(n, 12345);
	lk_rundown_finish(rundown);
	look(rundown);
	lk_nettrace_free(n);
	lk_rundown_free(rundown);
	return 0;
}
