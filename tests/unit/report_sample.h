/* A small process with one leak of every kind of frame, for tests of the reports. */
#ifndef REPORT_SAMPLE_H
#define REPORT_SAMPLE_H

#include "make_snapshot.h"
#include "report/catalogue.h"

static inline struct lk_snapshot *sample_snapshot(void)
{
	static const char *command[] = {"/usr/bin/mono", "client.exe", "1000"};
	struct lk_snapshot *s = lk_snapshot_new();
	uint32_t leak = made_stack(s, MADE_REFERENCE);
	uint32_t boot = made_stack(s, "calloc <- ^boot@/app/libnative.so!/src/n.c:3 <- "
				      "start@/app/libnative.so!/src/n.c:9");
	uint32_t odd = made_stack(s, "malloc <- evil\033[31m\xff@/app/\x1b]0;x\x07.so");
	static const char text[] = "\x16\0\0\0H\0e\0l\0l\0o\0 \0W\0o\0r\0l\0d\0\0\0";

	s->pid = 4242;
	s->command = lk_xcalloc(3, sizeof(*command));
	memcpy(s->command, command, sizeof(command));
	s->nr_command = 3;
	s->runtimes = lk_xcalloc(1, sizeof(*s->runtimes));
	s->runtimes[s->nr_runtimes++] = "mono";
	s->tracked_ms = 60000;
	s->ended = LK_ENDED_EXITED;
	s->exit_status = 0;
	s->started_s = 1700000000;
	s->frames[6].il_offset = 0x7a;
	s->not_seen = lk_xcalloc(2, sizeof(*s->not_seen));
	s->not_seen[s->nr_not_seen++] = (struct lk_not_seen){
		"truncated_stacks", "stacks end before the thread's first frame", 3};
	s->not_seen[s->nr_not_seen++] =
		(struct lk_not_seen){"lost_events", "events were lost in all", 0};
	s->modules = lk_xcalloc(1, sizeof(*s->modules));
	s->modules[s->nr_modules++] = (struct lk_module_fact){
		.path = "/app/libnative.so", .lacks = "no debug information"};
	for (unsigned i = 0; i <= 300; i++) {
		lk_counter_add(&s->counters, "private", "bytes", "private bytes", 200 * i,
			80e6 + 50e3 * i);
		lk_counter_add(&s->counters, "gc_heap", "bytes", "managed heap", 200 * i,
			i == 150 ? 12.5e6 : 12e6);
	}
	lk_counter_add(&s->counters, "gc_time\xff", "percent", "of the time", 5, 0.25);
	made_blocks(s, leak, 28, 1000, 0, 60000);
	made_blocks(s, boot, 4096, 12, 0, 100);
	made_block(s, odd, 5, 30000);
	made_content(s, s->blocks[0].address, text, 28);
	made_content(s, s->blocks[999].address, text, 28);
	return s;
}

/* As the commands analyse: with the patterns that come with leakline. */
static inline struct lk_analysis *sample_analysis(const struct lk_snapshot *s)
{
	struct lk_patterns *p = lk_patterns_new();
	struct lk_analysis *a = lk_analyse(s);

	lk_patterns_add(p, (const char *)lk_catalogue_text, lk_catalogue_size, "own", NULL);
	lk_catalogue_judge(p, s, a, 0);
	lk_patterns_free(p);
	return a;
}

#endif
