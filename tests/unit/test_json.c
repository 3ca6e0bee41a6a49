#include "report/report.h"
#include "report_sample.h"
#include "tap.h"

#include <errno.h>
#include <jansson.h>

/* --- as much of JSON Schema as docs/report.schema.json needs --- */

static json_t *schema;
static char complaint[300];

static bool complain(const char *path, const char *what)
{
	if (!*complaint)
		snprintf(complaint, sizeof(complaint), "%s: %s", path, what);
	return false;
}

static bool has_type(const json_t *v, const char *type)
{
	if (!strcmp(type, "object"))
		return json_is_object(v);
	if (!strcmp(type, "array"))
		return json_is_array(v);
	if (!strcmp(type, "string"))
		return json_is_string(v);
	if (!strcmp(type, "integer"))
		return json_is_integer(v);
	if (!strcmp(type, "number"))
		return json_is_number(v);
	if (!strcmp(type, "boolean"))
		return json_is_boolean(v);
	return !strcmp(type, "null") && json_is_null(v);
}

static bool conforms(const json_t *v, const json_t *rule, const char *path);

static bool type_conforms(const json_t *v, const json_t *type)
{
	size_t i;
	const json_t *one;

	if (json_is_string(type))
		return has_type(v, json_string_value(type));
	json_array_foreach(type, i, one) if (has_type(v, json_string_value(one))) return true;
	return !type;
}

static bool value_conforms(const json_t *v, const json_t *rule)
{
	const json_t *list = json_object_get(rule, "enum"), *one;
	const json_t *least = json_object_get(rule, "minimum"),
		     *most = json_object_get(rule, "maximum");
	size_t i;
	bool found = !list;

	json_array_foreach(list, i, one) found |= json_equal(v, one);
	if (json_object_get(rule, "const"))
		found &= json_equal(v, json_object_get(rule, "const"));
	if (json_is_number(v) && least)
		found &= json_number_value(v) >= json_number_value(least);
	if (json_is_number(v) && most)
		found &= json_number_value(v) <= json_number_value(most);
	return found;
}

static bool members_conform(json_t *v, const json_t *rule, const char *path)
{
	const json_t *needed = json_object_get(rule, "required"), *one;
	const json_t *rules = json_object_get(rule, "properties");
	const char *key;
	char below[200];
	json_t *member;
	size_t i;

	json_array_foreach(needed, i,
		one) if (!json_object_get(v, json_string_value(one))) return complain(path,
		json_string_value(one));
	json_object_foreach(v, key, member)
	{
		const json_t *r = json_object_get(rules, key);

		if (!r)
			r = json_object_get(rule, "additionalProperties");
		/* Ours only: a key that the schema does not know is a forgotten one. */
		if (!r)
			return complain(path, key);
		snprintf(below, sizeof(below), "%s/%s", path, key);
		if (!conforms(member, r, below))
			return false;
	}
	return true;
}

static bool conforms(const json_t *v, const json_t *rule, const char *path)
{
	const char *ref = json_string_value(json_object_get(rule, "$ref"));
	const json_t *one;
	size_t i;

	if (ref)
		rule = json_object_get(
			json_object_get(schema, "definitions"), strrchr(ref, '/') + 1);
	if (!rule || !type_conforms(v, json_object_get(rule, "type")))
		return complain(path, "type");
	if (!value_conforms(v, rule))
		return complain(path, "value");
	json_array_foreach(
		v, i, one) if (!conforms(one, json_object_get(rule, "items"), path)) return false;
	return !json_is_object(v) || members_conform((json_t *)v, rule, path);
}

/* --- the reports --- */

static json_t *report(
	const struct lk_snapshot *s, const struct lk_report_options *o, char **ret_text)
{
	struct lk_analysis *a = sample_analysis(s);
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	int r = lk_report_json(s, a, o, f, NULL);
	json_error_t error;
	json_t *v;

	fclose(f);
	lk_analysis_free(a);
	v = r ? NULL : json_loadb(text, size, 0, &error);
	if (ret_text)
		*ret_text = text;
	else
		free(text);
	return v;
}

static const json_t *at(const json_t *v, const char *path)
{
	char copy[100], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *key = strtok_r(copy, "/", &save); key; key = strtok_r(NULL, "/", &save))
		v = json_is_array(v) ? json_array_get(v, strtoul(key, NULL, 10))
				     : json_object_get(v, key);
	return v;
}

static bool says(const json_t *v, const char *path, const char *text)
{
	const char *is = json_string_value(at(v, path));

	return is && !strcmp(is, text);
}

static void test_sample(void)
{
	struct lk_snapshot *s = sample_snapshot();
	struct lk_report_options options = {.nr_samples = 5};
	char *text, *again;
	json_t *v = report(s, &options, &text), *w;

	tap_ok(v != NULL, "the report is JSON");
	tap_ok(v && conforms(v, schema, ""), "it conforms to docs/report.schema.json (%s)",
		complaint);
	tap_ok(says(v, "verdict/class", "native") && says(v, "process/ended", "exited") &&
			says(v, "process/command/1", "client.exe"),
		"it says what the process was and what is wrong");
	tap_ok(says(v, "sites/0/manager", "BSTR") && says(v, "sites/0/state", "growing") &&
			json_integer_value(at(v, "sites/0/responsible")) == 6,
		"the first site is the leak, with its responsible frame");
	tap_ok(says(v, "sites/0/frames/0/function", "malloc") &&
			says(v, "sites/0/frames/6/function", "Program:Main (string[])") &&
			says(v, "sites/0/frames/6/module", "client.exe") &&
			says(v, "sites/0/frames/6/file", "/src/Program.cs") &&
			json_integer_value(at(v, "sites/0/frames/6/line")) == 22 &&
			json_integer_value(at(v, "sites/0/frames/6/il_offset")) == 0x7a,
		"frames run from the allocation outwards, with file, line and IL offset");
	tap_ok(says(v, "sites/0/frames/4/origin", "generated") &&
			says(v, "sites/0/frames/6/origin", "managed") &&
			says(v, "sites/0/frames/1/origin", "native"),
		"frames are told by their origin");
	tap_ok(json_is_null(at(v, "sites/0/frames/1/line")) &&
			json_is_null(at(v, "sites/0/frames/0/module")),
		"what is not known is null");
	tap_ok(json_array_size(at(v, "sites/0/samples")) == 5 &&
			says(v, "sites/0/samples/0/content", "Hello World") &&
			says(v, "sites/0/samples/0/encoding", "bstr") &&
			says(v, "sites/0/samples/0/address", "0x7f0000001000"),
		"samples have their content");
	tap_ok(json_integer_value(at(v, "not_seen/truncated_stacks")) == 3 &&
			json_integer_value(at(v, "not_seen/lost_events")) == 0,
		"what was not seen is told");
	tap_ok(says(v, "sites/0/pattern/id", "M1") &&
			json_array_size(at(v, "sites/0/pattern/evidence")) == 3 &&
			json_number_value(at(v, "sites/0/pattern/confidence")) == 0.9 &&
			strstr(json_string_value(at(v, "sites/0/pattern/fix")), "out string"),
		"the leak is recognised, with evidence and fix");
	tap_ok(json_is_null(at(v, "sites/1/pattern")), "a site that is no known pattern says null");
	tap_ok(says(v, "counters/private/unit", "bytes") &&
			json_integer_value(at(v, "counters/private/first")) == 80000000 &&
			json_integer_value(at(v, "counters/private/last")) == 95000000 &&
			json_integer_value(at(v, "counters/gc_heap/max")) == 12500000,
		"counters have their first, last and largest value");
	tap_ok(json_array_size(at(v, "counters/private/points")) == 120 &&
			json_real_value(at(v, "counters/private/points/119/0")) == 60 &&
			json_integer_value(at(v, "counters/private/points/119/1")) == 95000000 &&
			json_real_value(at(v, "counters/gc_time\xef\xbf\xbd/points/0/1")) == 0.25,
		"and at most 120 points, to the last");
	w = report(s, &options, &again);
	tap_ok(w && !strcmp(text, again), "the same snapshot gives the same report");
	json_decref(w);
	free(again);
	options = (struct lk_report_options){.max_sites = 1};
	w = report(s, &options, NULL);
	tap_ok(json_array_size(at(w, "sites")) == 1 &&
			json_array_size(at(w, "sites/0/samples")) == 0 &&
			json_integer_value(at(w, "nr_sites")) == 3,
		"sites and samples are limited where that is asked for");
	json_decref(w);
	free(text);
	json_decref(v);
	lk_snapshot_free(s);
}

static void test_odd(void)
{
	struct lk_snapshot *s = lk_snapshot_new();
	struct lk_report_options options = {.nr_samples = 100};
	uint32_t k;
	json_t *v = report(s, &options, NULL);

	tap_ok(v && conforms(v, schema, ""), "an empty snapshot gives a whole report (%s)",
		complaint);
	json_decref(v);
	k = made_stack(s, "");
	made_block(s, k, UINT64_MAX, UINT64_MAX / 4);
	k = made_stack(s, "malloc <- \xff\xfe <- @\x80");
	made_blocks(s, k, 1, 100, 0, 5);
	s->frames[s->stacks[k].first].origin = 77;
	s->blocks[5].stack = 99;
	s->ended = 77;
	s->command = lk_xcalloc(1, sizeof(char *));
	s->nr_command = 1;
	s->runtimes = lk_xcalloc(1, sizeof(char *));
	s->runtimes[0] = "\xff";
	s->nr_runtimes = 1;
	s->not_seen = lk_xcalloc(2, sizeof(*s->not_seen));
	s->not_seen[0] = (struct lk_not_seen){NULL, NULL, 5};
	s->not_seen[1] = (struct lk_not_seen){"\xff\"", NULL, 5};
	s->nr_not_seen = 2;
	v = report(s, &options, NULL);
	tap_ok(v != NULL, "a damaged snapshot gives JSON");
	json_decref(v);
	lk_snapshot_free(s);
}

static void test_full_disk(void)
{
	struct lk_snapshot *s = sample_snapshot();
	struct lk_analysis *a = lk_analyse(s);
	struct lk_report_options options = {.nr_samples = 5};
	struct lk_err err = {0};
	FILE *f = fopen("/dev/full", "w");
	int r = lk_report_json(s, a, &options, f, &err);

	tap_ok(r == -ENOSPC && strstr(err.what, "No space"), "a full disk is told: %s", err.what);
	fclose(f);
	f = fopen("/dev/full", "w");
	r = lk_report_text(s, a, &options, f, &err);
	tap_ok(r == -ENOSPC, "by the text report too");
	fclose(f);
	lk_analysis_free(a);
	lk_snapshot_free(s);
}

int main(void)
{
	json_error_t error;

	schema = json_load_file("docs/report.schema.json", 0, &error);
	tap_ok(schema != NULL, "the schema is JSON (%s)", schema ? "" : error.text);
	test_sample();
	test_odd();
	test_full_disk();
	json_decref(schema);
	return tap_done();
}
