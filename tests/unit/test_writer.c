/*
 * The store from both ends: the agent's writer, shadow, nodes and mappings, read
 * back through storefile as the host does.
 */
#include "process/storefile.h"
#include "store/maps.h"
#include "store/nodes.h"
#include "store/shadow.h"
#include "tap.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCKS 20000

static char dir[] = "/tmp/leakline-test.XXXXXX";

static void test_words(void)
{
	bool sizes = true, times = true;

	for (uint64_t size = 0; size < 1ull << 45; size = size * 3 / 2 + 1) {
		struct lk_word w = lk_word_pack(size, 0x7654321, 0xabcd, 4711);

		sizes &= lk_word_size(w) == size && lk_word_stack(w.first) == 0x7654321 &&
			 lk_word_time(w.first) == 0xabcd && lk_word_thread(w) == 4711 &&
			 lk_word_is_block(w.first);
	}
	tap_ok(sizes, "a word gives back size, stack, time and thread");
	for (uint64_t ms = 0; ms < 1ull << 41; ms = ms * 5 / 4 + 1) {
		uint64_t back = lk_time_unpack_ms(lk_time_pack(ms));

		times &= back <= ms && ms - back <= ms / 2048;
	}
	tap_ok(times, "a packed time is within 1/2048 of the time, for 69 years");
}

/* What the reader sees, summed up. */
struct seen {
	uint64_t blocks, bytes, wrong;
};

static void see(void *arg, const struct lk_live_block *b)
{
	struct seen *s = arg;

	s->blocks++;
	s->bytes += b->size;
	s->wrong += b->stack != (uint32_t)(b->size % 1000) || b->thread != 3;
}

static uint64_t address_of(unsigned i)
{
	/* 16-byte steps across pages of the shadow, and some 8-byte addresses far away */
	return i % 10 ? 0x7f0000000000ull + i * 48ull : 0x560000000008ull + i * 16ull;
}

static void test_blocks(void)
{
	struct lk_storefile store;
	struct seen seen = {0};
	uint64_t bytes = 0, gone = 0;
	bool took = true;

	for (unsigned i = 0; i < BLOCKS; i++) {
		uint64_t size = i * 7 % 100000;

		took &= lk_shadow_put(
			address_of(i), lk_word_pack(size, (uint32_t)(size % 1000), 5, 3));
		bytes += size;
	}
	for (unsigned i = 0; i < BLOCKS; i += 3) {
		struct lk_word w = lk_shadow_take(address_of(i));

		took &= w.first != 0;
		took &= lk_shadow_take(address_of(i)).first == 0;
		bytes -= i * 7 % 100000;
		gone++;
	}
	tap_ok(took, "blocks are put and taken once");
	tap_ok(lk_shadow_take(0x123456780).first == 0, "an unknown block is unknown");
	tap_ok(!lk_shadow_put(1ull << 50, lk_word_pack(1, 1, 1, 1)),
		"an address beyond 47 bits is refused");
	if (!tap_ok(!lk_storefile_open(lk_writer->path, false, &store, NULL), "the store opens"))
		return;
	lk_storefile_blocks(&store, see, &seen);
	tap_ok(seen.blocks == BLOCKS - gone, "the reader sees every live block");
	tap_ok(seen.bytes == bytes, "with its size");
	tap_ok(!seen.wrong, "its stack and its thread");
	tap_ok(lk_storefile_process_alive(&store), "and that the process lives");
	lk_storefile_close(&store);
}

static uint32_t no_code(uint64_t pc, bool exact, const struct lk_walk_stack *stack)
{
	(void)pc, (void)exact;
	return LK_CODE_NONE;
}

static void test_nodes(void)
{
	static uint32_t numbers[3000];
	bool same = true, rising = true;

	for (uint32_t i = 0; i < 3000; i++) {
		uint32_t parent = i < 10 ? 0 : numbers[i / 2];

		numbers[i] = lk_node_intern(parent, 0x400000 + i, false, NULL, no_code);
		rising &= numbers[i] != LK_NODE_NONE && lk_node_at(numbers[i])->parent < numbers[i];
	}
	for (uint32_t i = 0; i < 3000; i++)
		same &= lk_node_intern(i < 10 ? 0 : numbers[i / 2], 0x400000 + i, false, NULL,
				no_code) == numbers[i];
	tap_ok(rising, "a node's parent has a smaller number (S4)");
	tap_ok(same, "the same path is the same node");
}

static uint64_t mapped(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < lk_writer->nr_maps; i++) {
		const struct lk_map_info *m = lk_region_at(LK_REGION_MAPS, lk_writer->map_order[i]);

		sum += m->size;
	}
	return sum;
}

static void test_reserved(void)
{
	struct lk_map_info heap = {
		.start = 1ull << 40, .size = 2 * LK_MAPS_HEAP, .kind = LK_MAP_NONE};
	struct lk_map_info map = {.start = 0x10000000, .size = 100 * 4096, .kind = LK_MAP_NONE};
	struct lk_map_info used = {.stack = 2};

	lk_maps_remove(0, 1ull << 46);
	lk_maps_add(&map);
	lk_maps_add(&heap);
	tap_ok(lk_maps_reserved(map.start, 4096) && !lk_maps_reserved(heap.start, 4096),
		"space is reserved, but that of a managed heap is its own");
	used.start = map.start + 10 * 4096;
	used.size = 5 * 4096;
	tap_ok(lk_maps_commit(used.start, used.size, &used) && lk_writer->nr_maps == 4,
		"what is made usable is a mapping of its own");
	tap_ok(!lk_maps_reserved(used.start, used.size) && lk_maps_reserved(map.start, map.size),
		"and reserved no more");
	tap_ok(lk_maps_commit(map.start, map.size, &used) && lk_writer->nr_maps == 4 &&
			!lk_maps_reserved(map.start, map.size),
		"the rest around it can be used too");
	heap.start += 4096;
	heap.size = 4096;
	tap_ok(lk_maps_add(&heap) && lk_writer->nr_maps == 4, "a heap takes back what is its own");
	lk_maps_remove(0, 1ull << 46);
}

static void test_maps(void)
{
	struct lk_map_info map = {.start = 0x10000000, .size = 100 * 4096, .stack = 1};
	bool sorted = true;

	tap_ok(lk_maps_add(&map) && mapped() == 100 * 4096, "a mapping is added");
	lk_maps_remove(0x10000000 + 10 * 4096, 5 * 4096);
	tap_ok(lk_writer->nr_maps == 2 && mapped() == 95 * 4096, "a hole makes two of it");
	lk_maps_remove(0x10000000, 4096);
	lk_maps_remove(0x10000000 + 99 * 4096, 40960);
	tap_ok(lk_writer->nr_maps == 2 && mapped() == 93 * 4096, "its ends are cut");
	map.start = 0x10000000 + 5 * 4096;
	map.size = 20 * 4096;
	tap_ok(lk_maps_add(&map) && mapped() == (4 + 20 + 74) * 4096,
		"a fixed mapping replaces what it covers");
	lk_maps_remove(0, 1ull << 46);
	tap_ok(!lk_writer->nr_maps, "everything is unmapped");
	for (uint32_t i = 0; i < 3000; i++) {
		map.start = 0x20000000 + (uint64_t)(i * 1009 % 3000) * 8192;
		map.size = 4096;
		lk_maps_add(&map);
	}
	for (uint32_t i = 1; i < lk_writer->nr_maps; i++) {
		const struct lk_map_info *a =
			lk_region_at(LK_REGION_MAPS, lk_writer->map_order[i - 1]);
		const struct lk_map_info *b = lk_region_at(LK_REGION_MAPS, lk_writer->map_order[i]);

		sorted &= a->start + a->size <= b->start;
	}
	tap_ok(sorted && lk_writer->nr_maps == 3000, "many mappings stay in order");
}

static void test_fork(void)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		_exit(lk_writer->ready ? 1 : lk_store_create(dir, true) ? 2 : !lk_writer->ready);
	waitpid(pid, &status, 0);
	tap_ok(WIFEXITED(status) && !WEXITSTATUS(status),
		"a forked child finds nothing, and makes a store of its own");
	tap_ok(lk_writer->ready, "while ours stays");
}

int main(void)
{
	char command[100];

	if (!mkdtemp(dir) || lk_writer_reserve() || lk_store_create(dir, false))
		return tap_ok(0, "a store is made in %s", dir), tap_done();
	test_words();
	test_blocks();
	test_nodes();
	test_maps();
	test_reserved();
	test_fork();
	tap_ok(lk_store_create("/nosuch", false) < 0, "a folder that is not there is an error");
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command))
		return 1;
	return tap_done();
}
