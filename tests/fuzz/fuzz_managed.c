/*
 * Assemblies, symbol files and native-to-IL maps of any bytes (libFuzzer's
 * interface).  Byte 0 chooses the reader.  Seeds: tests/fuzz/corpus/managed, made by
 * tests/fuzz/seeds.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/mdb.h"
#include "runtime/pdb_portable.h"
#include "runtime/pe.h"
#include "runtime/seq_points.h"
#include "runtime/signature.h"

#define METHODS 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_metadata(const uint8_t *bytes, size_t size)
{
	struct lk_name_text text;
	struct lk_metadata md;

	if (lk_metadata_read(bytes, size, &md) < 0)
		return;
	for (uint32_t row = 1; row <= METHODS; row++) {
		lk_name_text_init(&text);
		lk_type_def_name(&md, lk_method_type(&md, row), LK_STYLE_MONO, &text);
		lk_method_generics(&md, row, &text);
		lk_method_params(&md, row, LK_STYLE_MONO, &text);
	}
}

static void try_pe(const uint8_t *bytes, size_t size)
{
	struct lk_pe_debug entry;
	const uint8_t *il;
	struct lk_pe pe;
	size_t n;

	if (lk_pe_read(bytes, size, &pe) < 0)
		return;
	for (size_t i = 0; i < pe.nr_debug && i < METHODS; i++)
		lk_pe_debug_entry(&pe, i, &entry);
	for (uint32_t i = 0; i < METHODS; i++)
		lk_pe_il(&pe, 0x2000 + 4 * i, &il, &n);
	try_metadata(pe.metadata, pe.metadata_size);
}

static void try_pdb(const uint8_t *bytes, size_t size, struct lk_strings *strings)
{
	struct lk_pdb pdb;

	if (lk_pdb_open(bytes, size, NULL, &pdb) < 0)
		return;
	for (uint32_t i = 1; i <= METHODS; i++) {
		struct lk_il_points points = {0};

		lk_pdb_points(&pdb, 0x06000000 | i, strings, &points);
		lk_il_points_done(&points);
	}
}

static void try_mdb(const uint8_t *bytes, size_t size, struct lk_strings *strings)
{
	struct lk_mdb mdb;

	/* Its own GUID: any file is of this build. */
	if (size < 32 || lk_mdb_open(bytes, size, bytes + 16, &mdb) < 0)
		return;
	for (uint32_t i = 1; i <= METHODS; i++) {
		struct lk_il_points points = {0};

		lk_mdb_points(&mdb, 0x06000000 | i, strings, &points);
		lk_il_points_done(&points);
	}
}

static void try_embedded(const uint8_t *bytes, size_t size, struct lk_strings *strings)
{
	uint8_t *unpacked;
	size_t n;

	if (lk_pdb_unpack(bytes, size, &unpacked, &n) < 0)
		return;
	try_pdb(unpacked, n, strings);
	free(unpacked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lk_strings *strings;
	uint8_t *copy;
	uint32_t il;

	if (!size)
		return 0;
	copy = malloc(size > 1 ? size - 1 : 1);
	if (!copy)
		return 0;
	strings = lk_strings_new();
	memcpy(copy, data + 1, --size);
	switch (data[0] % 6) {
	case 0:
		try_pe(copy, size);
		break;
	case 1:
		try_metadata(copy, size);
		break;
	case 2:
		try_mdb(copy, size, strings);
		break;
	case 3:
		try_pdb(copy, size, strings);
		break;
	case 4:
		try_embedded(copy, size, strings);
		break;
	default:
		lk_seq_points_il(copy, size, 100, &il);
	}
	lk_strings_free(strings);
	free(copy);
	return 0;
}
