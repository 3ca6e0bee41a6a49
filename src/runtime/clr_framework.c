#include "runtime/clr_framework.h"

#include <string.h>

/* Where the modulus stands in a public key blob, behind the headers of II.6.2.1.3. */
#define MODULUS_AT 32u

/*
 * The keys that the class library is signed with: the first bytes of the modulus tell
 * them apart as well as the token does.  Read in the assemblies of .NET 10.0.12.
 */
static const uint8_t moduli[][8] = {
	{0x07, 0xd1, 0xfa, 0x57, 0xc4, 0xae, 0xd9, 0xf0}, /* b03f5f7f11d50a3a */
	{0x4b, 0x86, 0xc4, 0xcb, 0x78, 0x54, 0x9b, 0x34}, /* cc7b13ffcd2ddd51 */
	{0x8d, 0x56, 0xc7, 0x6f, 0x9e, 0x86, 0x49, 0x38}, /* 7cec85d7bea7798e */
	{0xb5, 0xfc, 0x90, 0xe7, 0x02, 0x7f, 0x67, 0x87}, /* 31bf3856ad364e35 */
	{0xf3, 0x3a, 0x29, 0x04, 0x4f, 0xa9, 0xd7, 0x40}, /* adb9793829ddae60 */
};

/* The key that ECMA-335 reserves for the standard library, b77a5c561934e089. */
static const uint8_t ecma_key[16] = {[8] = 4};

/* Tokens, for a writer that stores the eight bytes instead of the key. */
static const uint8_t tokens[][8] = {
	{0xb7, 0x7a, 0x5c, 0x56, 0x19, 0x34, 0xe0, 0x89},
	{0xb0, 0x3f, 0x5f, 0x7f, 0x11, 0xd5, 0x0a, 0x3a},
	{0xcc, 0x7b, 0x13, 0xff, 0xcd, 0x2d, 0xdd, 0x51},
	{0x7c, 0xec, 0x85, 0xd7, 0xbe, 0xa7, 0x79, 0x8e},
	{0x31, 0xbf, 0x38, 0x56, 0xad, 0x36, 0x4e, 0x35},
	{0xad, 0xb9, 0x79, 0x38, 0x29, 0xdd, 0xae, 0x60},
};

static const char *const folders[] = {
	"/shared/Microsoft.NETCore.App/",
	"/shared/Microsoft.AspNetCore.App/",
	"/shared/Microsoft.WindowsDesktop.App/",
};

/* Names that the makers of .NET reserve; one that ends in '.' is a beginning. */
static const char *const names[] = {
	"System.",
	"Microsoft.",
	"System",
	"mscorlib",
	"netstandard",
	"WindowsBase",
};

static bool is_reserved(const char *name)
{
	for (size_t i = 0; i < LK_ARRAY_SIZE(names); i++) {
		size_t size = strlen(names[i]);

		if (names[i][size - 1] == '.' ? !strncmp(name, names[i], size)
					      : !strcmp(name, names[i]))
			return true;
	}
	return false;
}

static bool is_known_key(struct lk_cursor key)
{
	size_t size = lk_cursor_left(&key);

	if (size == sizeof(ecma_key) && !memcmp(key.at, ecma_key, size))
		return true;
	for (size_t i = 0; size == 8 && i < LK_ARRAY_SIZE(tokens); i++)
		if (!memcmp(key.at, tokens[i], 8))
			return true;
	for (size_t i = 0; size >= MODULUS_AT + 8 && i < LK_ARRAY_SIZE(moduli); i++)
		if (!memcmp(key.at + MODULUS_AT, moduli[i], 8))
			return true;
	return false;
}

bool lk_clr_is_framework(const char *path, const struct lk_metadata *md)
{
	for (size_t i = 0; path && i < LK_ARRAY_SIZE(folders); i++)
		if (strstr(path, folders[i]))
			return true;
	if (!md || !is_reserved(lk_metadata_string(
			   md, lk_metadata_cell(md, LK_TABLE_ASSEMBLY, 1, LK_ASSEMBLY_NAME))))
		return false;
	return is_known_key(
		lk_metadata_blob(md, lk_metadata_cell(md, LK_TABLE_ASSEMBLY, 1, LK_ASSEMBLY_KEY)));
}
