/*
 * Function names as rules and site keys see them.  The same function bears
 * different names by the compiler that cloned it (.constprop.0), by the language
 * (argument lists, template arguments, return types) and by the tier that
 * compiled it; a rule or a key must see one.  Pure text, no state.
 */
#ifndef LK_LEAK_NAMING_H
#define LK_LEAK_NAMING_H

#include "base/defs.h"

/* No normalised name is longer; what does not fit is cut. */
#define LK_NAME_MAX 1024

/*
 * Writes the normalised form of name, at most size bytes with its NUL:
 * "void ns::f<int>(char) const [clone .isra.0]" becomes "ns::f", "main.cold"
 * becomes "main", Mono's "(wrapper managed-to-native) T:api (string&)" becomes
 * "(wrapper managed-to-native) T:api", .NET's "Box<T>+Lid.Close<V>(T, V)" becomes
 * "Box+Lid.Close".  Keeps operators, "(anonymous
 * namespace)" and names such as "<module>" and "<init>".
 */
void lk_name_normalise(const char *name, char *out, size_t size);

/* '*' stands for any run of characters, '?' for one. */
bool lk_glob(const char *pattern, const char *text);

/* What follows the last '/' or '\'; the whole text where there is none. */
const char *lk_base_name(const char *path);

/* FNV-1a of 64 bits: stable from run to run, machine to machine. */
#define LK_HASH_START 0xcbf29ce484222325ull
uint64_t lk_hash_text(uint64_t hash, const char *text);
uint64_t lk_hash_u64(uint64_t hash, uint64_t value);

#endif
