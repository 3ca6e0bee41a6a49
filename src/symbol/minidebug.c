#include "symbol/minidebug.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

#include "util/mem.h"

/* liblzma's: the stream does not fit into the output given. */
#define LZMA_BUFFER_TOO_SMALL 10

/* A symbol table of half a million functions is 24 MB. */
#define UNPACKED_MAX (128u << 20)
#define MEMORY_MAX   (512u << 20)

/* lzma_stream_buffer_decode, liblzma 5. */
typedef int unpacker(uint64_t *memory_limit, uint32_t flags, const void *allocator,
	const uint8_t *in, size_t *in_at, size_t in_size, uint8_t *out, size_t *out_at,
	size_t out_size);

/* The library stays loaded: there is one at most. */
static unpacker *load_unpacker(void)
{
	static unpacker *unpack;
	static bool tried;
	void *library;

	if (tried)
		return unpack;
	tried = true;
	library = dlopen("liblzma.so.5", RTLD_NOW | RTLD_LOCAL);
	if (library)
		unpack = (unpacker *)dlsym(library, "lzma_stream_buffer_decode");
	return unpack;
}

/* The unpacked size stands at the end of the stream; trying is simpler than parsing it. */
static int unpack_all(unpacker *unpack, const Elf_Data *packed, uint8_t **ret_out, size_t *ret_size)
{
	size_t room = packed->d_size * 8 + 65536;
	uint8_t *out = NULL;

	for (; room <= UNPACKED_MAX; room *= 2) {
		uint64_t memory = MEMORY_MAX;
		size_t in_at = 0, out_at = 0;
		int r;

		out = lk_xrealloc(out, room);
		r = unpack(&memory, 0, NULL, packed->d_buf, &in_at, packed->d_size, out, &out_at,
			room);
		if (!r) {
			*ret_out = out;
			*ret_size = out_at;
			return 0;
		}
		if (r != LZMA_BUFFER_TOO_SMALL)
			break;
	}
	free(out);
	return -EBADMSG;
}

int lk_minidebug_open(const struct lk_elffile *file, struct lk_elffile *ret_mini)
{
	GElf_Shdr header;
	Elf_Scn *section = lk_elffile_section(file, ".gnu_debugdata", &header);
	Elf_Data *packed = section ? elf_rawdata(section, NULL) : NULL;
	unpacker *unpack;
	uint8_t *image;
	size_t size;
	int r;

	if (!packed || !packed->d_size || packed->d_size > UNPACKED_MAX)
		return -ENODATA;
	unpack = load_unpacker();
	if (!unpack)
		return -EOPNOTSUPP;
	r = unpack_all(unpack, packed, &image, &size);
	if (r)
		return r;
	return lk_elffile_open_image(image, size, ret_mini) ? -EBADMSG : 0;
}
