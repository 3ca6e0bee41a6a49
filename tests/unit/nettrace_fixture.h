/*
 * The streams of data/nettrace.pl in memory, and streams made by hand.
 */
#ifndef NETTRACE_FIXTURE_H
#define NETTRACE_FIXTURE_H

#include "managed_fixture.h"
#include "runtime/nettrace.h"

#include <zlib.h>

/* A block of exactly the stream's size. */
static inline uint8_t *fixture_stream(const char *name, size_t *ret_size)
{
	gzFile f = gzopen(fixture_path(name), "rb");
	size_t size = 0, capacity = 1 << 22;
	uint8_t *all = malloc(capacity), *exact;
	int n;

	while (f && (n = gzread(f, all + size, (unsigned)(capacity - size))) > 0)
		size += (size_t)n;
	if (!f || !size || size == capacity) {
		printf("Bail out! cannot read %s\n", fixture_path(name));
		exit(1);
	}
	gzclose(f);
	exact = malloc(size);
	memcpy(exact, all, size);
	free(all);
	*ret_size = size;
	return exact;
}

/* A stream in the making. */
struct made {
	uint8_t at[8192];
	size_t size;
};

static inline void made_bytes(struct made *m, const void *bytes, size_t size)
{
	memcpy(m->at + m->size, bytes, size);
	m->size += size;
}

static inline void made_u8(struct made *m, uint8_t v)
{
	made_bytes(m, &v, 1);
}

static inline void made_u16(struct made *m, uint16_t v)
{
	made_bytes(m, &v, 2);
}

static inline void made_u32(struct made *m, uint32_t v)
{
	made_bytes(m, &v, 4);
}

static inline void made_u64(struct made *m, uint64_t v)
{
	made_bytes(m, &v, 8);
}

static inline void made_text(struct made *m, const char *text)
{
	do
		made_u16(m, (unsigned char)*text);
	while (*text++);
}

static inline void made_start(struct made *m)
{
	m->size = 0;
	made_bytes(m, "Nettrace", 8);
	made_u32(m, 20);
	made_bytes(m, "!FastSerialization.1", 20);
}

static inline void made_object(struct made *m, const char *type)
{
	made_u8(m, 5);
	made_u8(m, 5);
	made_u8(m, 1);
	made_u32(m, 2);
	made_u32(m, 2);
	made_u32(m, (uint32_t)strlen(type));
	made_bytes(m, type, strlen(type));
	made_u8(m, 6);
}

/* A block of type with these bytes after its header. */
static inline void made_block(
	struct made *m, const char *type, uint16_t flags, const void *bytes, size_t size)
{
	made_object(m, type);
	made_u32(m, (uint32_t)size + 20);
	while (m->size % 4)
		made_u8(m, 0);
	made_u16(m, 20);
	made_u16(m, flags);
	made_u64(m, 0);
	made_u64(m, 0);
	made_bytes(m, bytes, size);
	made_u8(m, 6);
}

/* Describes kind `number`: an event of a provider by id and name. */
static inline void made_kind(
	struct made *m, uint32_t number, const char *provider, uint32_t id, const char *name)
{
	struct made payload = {.size = 0}, blob = {.size = 0};

	made_u32(&payload, number);
	made_text(&payload, provider);
	made_u32(&payload, id);
	made_text(&payload, name);
	made_u64(&payload, 0);
	made_u32(&payload, 1);
	made_u32(&payload, 4);
	made_u32(&payload, 0);
	made_u8(&blob, 1 | 128); /* kind and payload size follow */
	made_u8(&blob, 0);
	made_u8(&blob, 0); /* time */
	made_u8(&blob, (uint8_t)(payload.size | 128));
	made_u8(&blob, (uint8_t)(payload.size >> 7));
	made_bytes(&blob, payload.at, payload.size);
	made_block(m, "MetadataBlock", 1, blob.at, blob.size);
}

#endif
