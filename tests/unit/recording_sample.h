/* What the tests of recordings share: a folder, and a snapshot that uses every field. */
#ifndef RECORDING_SAMPLE_H
#define RECORDING_SAMPLE_H

#include "leak/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[] = "/tmp/leakline-test-recording.XXXXXX";

static inline const char *at(const char *name)
{
	static char path[2][256];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
	return path[turn];
}

static inline int remove_folder(void)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static inline void put_file(const char *path, const void *bytes, size_t size)
{
	FILE *f = fopen(path, "w");

	fwrite(bytes, 1, size, f);
	fclose(f);
}

static inline void add_frame(struct lk_snapshot *s, struct lk_frame frame)
{
	s->frames = lk_grow(s->frames, s->nr_frames, &s->frames_capacity, sizeof(frame));
	s->frames[s->nr_frames++] = frame;
}

static inline void add_stack(struct lk_snapshot *s, uint32_t count, uint64_t blocks, uint64_t bytes)
{
	s->stacks = lk_grow(s->stacks, s->nr_stacks, &s->stacks_capacity, sizeof(*s->stacks));
	s->stacks[s->nr_stacks++] =
		(struct lk_stack){(uint32_t)s->nr_frames - count, count, blocks, bytes};
}

static inline void add_block(struct lk_snapshot *s, struct lk_block block)
{
	s->blocks = lk_grow(s->blocks, s->nr_blocks, &s->blocks_capacity, sizeof(block));
	s->blocks[s->nr_blocks++] = block;
}

static inline void add_content(
	struct lk_snapshot *s, uint64_t address, const void *bytes, uint32_t size)
{
	struct lk_content c = {.address = address, .size = size};

	memcpy(c.bytes, bytes, size);
	s->contents = lk_grow(s->contents, s->nr_contents, &s->contents_capacity, sizeof(c));
	s->contents[s->nr_contents++] = c;
}

static inline void fill_process(struct lk_snapshot *s)
{
	s->pid = UINT32_MAX;
	s->started_s = 1700000000.123456789;
	s->tracked_ms = INT64_MAX;
	s->ended = LK_ENDED_KILLED;
	s->exit_status = 9;
	s->nr_command = 3;
	s->command = lk_xcalloc(3, sizeof(*s->command));
	s->command[0] = lk_strings_add(s->strings, "./server");
	s->command[1] = lk_strings_add(s->strings, "");
	s->command[2] = lk_strings_add(s->strings, "it's \"q\" \xff\xfe \n");
	s->nr_runtimes = 1;
	s->runtimes = lk_xcalloc(1, sizeof(*s->runtimes));
	s->runtimes[0] = lk_strings_add(s->strings, "mono");
	s->nr_threads = 2;
	s->threads = lk_xcalloc(2, sizeof(*s->threads));
	s->threads[0] = (struct lk_thread){1234, lk_strings_add(s->strings, "main")};
	s->threads[1] = (struct lk_thread){UINT32_MAX, NULL};
	s->nr_modules = 2;
	s->modules = lk_xcalloc(2, sizeof(*s->modules));
	s->modules[0] = (struct lk_module_fact){"/usr/lib/libhello.so", "00ff", 0x7f0000000000,
		0x7f0000010000, 0xfffffffffffff000, NULL};
	s->modules[1] = (struct lk_module_fact){NULL, NULL, 0, 0, 0, "stripped"};
	s->nr_not_seen = 1;
	s->not_seen = lk_xcalloc(1, sizeof(*s->not_seen));
	s->not_seen[0] = (struct lk_not_seen){"lost_events", "Events were lost", 12345678901};
	lk_counter_add(&s->counters, "private", "bytes", "private bytes", 0, 4096);
	lk_counter_add(&s->counters, "private", "bytes", "private bytes", INT64_MAX, 1e300);
	lk_counter_add(&s->counters, "gc_time", "percent", "of the time", 1000, 0.125);
}

static inline void fill_stacks(struct lk_snapshot *s)
{
	const struct lk_frame allocation = {
		.function = "malloc", .module = "libc.so.6", .il_offset = LK_NO_IL};
	const struct lk_frame managed = {.address = 0x4000deadbeef,
		.module = "client.exe",
		.function = "Program:Main (string[])",
		.file = "/src/client.cs",
		.line = 22,
		.il_offset = 0,
		.origin = LK_ORIGIN_MANAGED};
	const struct lk_frame generated = {.address = UINT64_MAX,
		.function = "stub",
		.il_offset = 0xfffffffe,
		.origin = LK_ORIGIN_GENERATED,
		.inlined = true,
		.framework = true,
		.line = UINT32_MAX};
	const struct lk_frame unknown = {.address = 0x1000, .il_offset = LK_NO_IL};

	add_frame(s, allocation);
	add_frame(s, generated);
	add_frame(s, managed);
	add_stack(s, 3, 1000, 26000);
	add_stack(s, 0, 0, 0);
	add_frame(s, allocation);
	add_frame(s, unknown);
	add_stack(s, 2, INT64_MAX, INT64_MAX);
}

static inline struct lk_snapshot *make_snapshot(void)
{
	struct lk_snapshot *s = lk_snapshot_new();
	uint8_t bytes[LK_CONTENT_MAX];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 5);
	fill_process(s);
	fill_stacks(s);
	add_block(s, (struct lk_block){0x7f1000, 26, 0, 0, 0});
	add_block(s, (struct lk_block){0x7f1000, INT64_MAX, INT64_MAX, 2, UINT32_MAX});
	add_block(s, (struct lk_block){UINT64_MAX, 0, 17, 1, 1});
	add_content(s, 0x7f1000, bytes, LK_CONTENT_MAX);
	add_content(s, 0x7f2000, bytes, 0);
	add_content(s, UINT64_MAX, bytes, 3);
	return s;
}

#endif
