#include "runtime/name_text.h"

#include <string.h>

#include "tap.h"

int main(void)
{
	struct lk_name_text text;

	lk_name_text_init(&text);
	tap_ok(!*text.at, "a new text is empty");
	lk_name_text_add(&text, "a");
	lk_name_text_addf(&text, "%u", 42u);
	lk_name_text_add_n(&text, "xyz", 1);
	tap_ok(!strcmp(text.at, "a42x") && text.used == 4, "pieces are joined");
	lk_name_text_take_back(&text, 3);
	tap_ok(!strcmp(text.at, "a42") && text.used == 3, "a piece can be taken back");
	for (int i = 0; i < 1000; i++)
		lk_name_text_add(&text, "0123456789");
	tap_ok(text.cut && strlen(text.at) == text.used && text.used < sizeof(text.at),
		"a text that is too long is cut");
	tap_ok(!strcmp(text.at + text.used - 3, "..."), "and says so");
	lk_name_text_add(NULL, "nobody");
	tap_ok(1, "a text that nobody wants is not written");
	return tap_done();
}
