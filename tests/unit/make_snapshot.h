/*
 * Builds snapshots whose truth is known.  A stack is a text: frames innermost
 * first, separated by " <- ", each "function@module!file:line" with the parts
 * after the function optional; a leading '%' marks it managed, '#' generated,
 * '~' of the framework, '^' inlined.
 */
#ifndef MAKE_SNAPSHOT_H
#define MAKE_SNAPSHOT_H

#include "leak/snapshot.h"

#include <stdlib.h>
#include <string.h>

static inline void made_frame(struct lk_snapshot *s, char *text)
{
	struct lk_frame f = {.il_offset = LK_NO_IL, .address = 0x400000 + 16 * s->nr_frames};
	char *file, *module, *colon;

	for (; strchr("%#~^", *text) && *text; text++) {
		if (*text == '%')
			f.origin = LK_ORIGIN_MANAGED;
		else if (*text == '#')
			f.origin = LK_ORIGIN_GENERATED;
		else if (*text == '~')
			f.framework = true;
		else
			f.inlined = true;
	}
	file = strrchr(text, '!');
	if (file) {
		*file++ = '\0';
		colon = strrchr(file, ':');
		if (colon) {
			*colon++ = '\0';
			f.line = (uint32_t)atoi(colon);
		}
		f.file = lk_strings_add(s->strings, file);
	}
	module = strrchr(text, '@');
	if (module) {
		*module++ = '\0';
		f.module = lk_strings_add(s->strings, module);
	}
	if (*text)
		f.function = lk_strings_add(s->strings, text);
	s->frames = lk_grow(s->frames, s->nr_frames, &s->frames_capacity, sizeof(f));
	s->frames[s->nr_frames++] = f;
}

/* Gives the stack's index. */
static inline uint32_t made_stack(struct lk_snapshot *s, const char *text)
{
	char *copy = lk_xstrdup(text), *at = copy, *next;
	struct lk_stack k = {.first = (uint32_t)s->nr_frames};

	for (; at && *at; at = next) {
		next = strstr(at, " <- ");
		if (next) {
			*next = '\0';
			next += 4;
		}
		made_frame(s, at);
		k.count++;
	}
	free(copy);
	s->stacks = lk_grow(s->stacks, s->nr_stacks, &s->stacks_capacity, sizeof(k));
	s->stacks[s->nr_stacks] = k;
	return (uint32_t)s->nr_stacks++;
}

/* A block that lives; counted as allocated too. */
static inline uint64_t made_block(
	struct lk_snapshot *s, uint32_t stack, uint64_t size, uint64_t time_ms)
{
	struct lk_block b = {
		.size = size, .time_ms = time_ms, .stack = stack, .thread = UINT32_MAX};

	b.address = 0x7f0000001000 + 64 * s->nr_blocks;
	s->blocks = lk_grow(s->blocks, s->nr_blocks, &s->blocks_capacity, sizeof(b));
	s->blocks[s->nr_blocks++] = b;
	s->stacks[stack].allocated_blocks++;
	s->stacks[stack].allocated_bytes += size;
	return b.address;
}

/* n blocks, allocated at equal distances in [from, to). */
static inline void made_blocks(struct lk_snapshot *s, uint32_t stack, uint64_t size, unsigned n,
	uint64_t from, uint64_t to)
{
	for (unsigned i = 0; i < n; i++)
		made_block(s, stack, size, from + (to - from) * i / n);
}

/* Blocks that were allocated and freed again. */
static inline void made_freed(struct lk_snapshot *s, uint32_t stack, uint64_t size, uint64_t n)
{
	s->stacks[stack].allocated_blocks += n;
	s->stacks[stack].allocated_bytes += n * size;
}

/* In the order of addresses, as lk_snapshot_content wants it. */
static inline void made_content(
	struct lk_snapshot *s, uint64_t address, const void *bytes, size_t size)
{
	struct lk_content c = {.address = address, .size = (uint32_t)size};

	memcpy(c.bytes, bytes, size);
	s->contents = lk_grow(s->contents, s->nr_contents, &s->contents_capacity, sizeof(c));
	s->contents[s->nr_contents++] = c;
}

/* The reference case's stack, from malloc to Main. */
#define MADE_REFERENCE                                                                             \
	"malloc <- monoeg_malloc@/usr/bin/mono-sgen <- mono_ptr_to_bstr@/usr/bin/mono-sgen <- "    \
	"mono_string_to_bstr_impl@/usr/bin/mono-sgen <- "                                          \
	"#(wrapper managed-to-native) Imyclass:SayHello (intptr,string&)@/app/client.exe <- "      \
	"#(wrapper cominterop) Imyclass:SayHello (string&)@/app/client.exe <- "                    \
	"%Program:Main (string[])@/app/client.exe!/src/Program.cs:22 <- "                          \
	"#(wrapper runtime-invoke) <Module>:runtime_invoke_void_object (object)@/app/client.exe "  \
	"<- mono_jit_runtime_invoke@/usr/bin/mono-sgen <- mono_main@/usr/bin/mono-sgen <- "        \
	"main@/usr/bin/mono-sgen <- __libc_start_main@/lib/x86_64-linux-gnu/libc.so.6"

#endif
