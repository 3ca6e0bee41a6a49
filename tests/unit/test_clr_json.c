/* The reader of the runtime's own description. */
#include "walk/clr_json.h"

#include "tap.h"

#include <string.h>

static const char text[] =
	"{\"version\":0,\"types\":{\"Empty\":{},\"Thread\":{\"Id\":16,\"LinkNext\":[112,\"pointer\"],"
	"\"!\":40},\"Module\":{\"Path\":200,\"Name\":\"a \\\"}]\\\\\"}},\n"
	" \"globals\": { \"Bits\" : [\"0xc\",\"uint8\"], \"Map\":[[20],\"pointer\"], \"Max\":\"0xffffffffff\" },"
	"\"contracts\":{\"Loader\":1}}";

static struct lk_json all(size_t size)
{
	return (struct lk_json){.at = text, .end = text + size};
}

static uint64_t number_at(struct lk_json json, const char *a, const char *b)
{
	struct lk_json value = lk_json_member(lk_json_member(json, a), b);
	uint64_t n = 77777;

	if (lk_json_is(value, '['))
		value = lk_json_element(value, 0);
	if (lk_json_is(value, '['))
		value = lk_json_element(value, 0);
	lk_json_number(value, &n);
	return n;
}

static bool is_empty(struct lk_json value)
{
	return value.at == value.end;
}

/* Every prefix, copied so that a byte read beyond it is one of nobody's. */
static bool prefixes_end_well(void)
{
	bool well = true;

	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		char *copy = malloc(n + 1);
		struct lk_json json = {.at = copy, .end = copy + n}, types, value;
		uint64_t number;

		memcpy(copy, text, n);
		copy = realloc(copy, n ? n : 1);
		json = (struct lk_json){.at = copy, .end = copy + n};
		types = lk_json_member(json, "types");
		value = lk_json_member(lk_json_member(types, "Module"), "Path");
		well &= value.end <= copy + n;
		lk_json_number(lk_json_element(lk_json_member(json, "globals"), 3), &number);
		free(copy);
	}
	return well;
}

int main(void)
{
	struct lk_json json = all(sizeof(text) - 1), types = lk_json_member(json, "types");
	uint64_t n;

	tap_ok(number_at(types, "Thread", "Id") == 16, "a field");
	tap_ok(number_at(types, "Thread", "LinkNext") == 112, "a field with its type");
	tap_ok(number_at(types, "Thread", "!") == 40, "a size");
	tap_ok(number_at(types, "Module", "Path") == 200, "a field of a later type");
	tap_ok(is_empty(lk_json_member(types, "Path")),
		"a name of an inner object is not the outer's");
	tap_ok(is_empty(lk_json_member(types, "Thre")), "the beginning of a name is not the name");
	tap_ok(is_empty(lk_json_member(lk_json_member(types, "Empty"), "Id")),
		"nothing in an empty object");
	tap_ok(number_at(json, "globals", "Bits") == 12, "a hexadecimal number in a string");
	tap_ok(number_at(json, "globals", "Map") == 20, "the number of a pointer");
	tap_ok(number_at(json, "globals", "Max") == 0xffffffffffull, "a number beyond 32 bits");
	tap_ok(number_at(json, "contracts", "Loader") == 1,
		"what stands behind strings with brackets");
	tap_ok(!lk_json_number(lk_json_member(json, "types"), &n), "an object is no number");
	tap_ok(!lk_json_number(lk_json_member(json, "none"), &n), "what is not there is no number");
	tap_ok(is_empty(lk_json_element(lk_json_member(json, "contracts"), 0)),
		"an object has no elements");
	tap_ok(prefixes_end_well(), "text that ends anywhere");
	return tap_done();
}
