#include "walk/clr_json.h"

static void skip_blank(struct lk_json *j)
{
	while (j->at < j->end && (*j->at == ' ' || *j->at == '\n' || *j->at == '\r' ||
					 *j->at == '\t' || *j->at == ',' || *j->at == ':'))
		j->at++;
}

/* Over a string, whose quote is next; names hold no escapes, values may. */
static void skip_string(struct lk_json *j)
{
	for (j->at++; j->at < j->end && *j->at != '"'; j->at++)
		if (*j->at == '\\')
			j->at++;
	if (j->at < j->end)
		j->at++;
	else
		j->at = j->end;
}

/* Over one value of any kind; gives its text. */
static struct lk_json take_value(struct lk_json *j)
{
	struct lk_json value = {.at = j->at};
	unsigned depth = 0;

	do {
		char c = j->at < j->end ? *j->at : '"';

		if (j->at >= j->end)
			break;
		if (c == '"') {
			skip_string(j);
		} else if (c == '{' || c == '[') {
			depth++;
			j->at++;
		} else if (c == '}' || c == ']') {
			if (!depth)
				break;
			depth--;
			j->at++;
		} else if (!depth) {
			while (j->at < j->end && *j->at != ',' && *j->at != '}' && *j->at != ']')
				j->at++;
		} else {
			j->at++;
		}
	} while (depth);
	value.end = j->at;
	return value;
}

static bool name_is(struct lk_json quoted, const char *name)
{
	const char *at = quoted.at + 1;

	while (at < quoted.end && *name && *at == *name) {
		at++;
		name++;
	}
	return !*name && at + 1 == quoted.end && *at == '"';
}

struct lk_json lk_json_member(struct lk_json object, const char *name)
{
	struct lk_json j = object, none = {.at = object.end, .end = object.end};

	if (!lk_json_is(object, '{'))
		return none;
	j.at++;
	for (;;) {
		struct lk_json key, value;

		skip_blank(&j);
		if (!lk_json_is(j, '"'))
			return none;
		key.at = j.at;
		skip_string(&j);
		key.end = j.at;
		skip_blank(&j);
		value = take_value(&j);
		if (value.at == value.end)
			return none;
		if (name_is(key, name))
			return value;
	}
}

struct lk_json lk_json_element(struct lk_json array, unsigned index)
{
	struct lk_json j = array, none = {.at = array.end, .end = array.end};

	if (!lk_json_is(array, '['))
		return none;
	j.at++;
	for (;;) {
		struct lk_json value;

		skip_blank(&j);
		value = take_value(&j);
		if (value.at == value.end)
			return none;
		if (!index--)
			return value;
	}
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

bool lk_json_number(struct lk_json value, uint64_t *ret_number)
{
	int base = 10, d;
	uint64_t n = 0;

	if (lk_json_is(value, '"')) {
		value.at++;
		value.end--;
	}
	if (value.end - value.at > 2 && value.at[0] == '0' && (value.at[1] | 0x20) == 'x') {
		base = 16;
		value.at += 2;
	}
	if (value.at >= value.end)
		return false;
	for (; value.at < value.end; value.at++) {
		d = digit(*value.at);
		if (d >= base || n > UINT64_MAX / 16)
			return false;
		n = n * (unsigned)base + (unsigned)d;
	}
	*ret_number = n;
	return true;
}
