#include "report/say.h"

#include "report/decode.h"
#include "util/mem.h"

#include <stdlib.h>
#include <string.h>

void lk_say_style(const struct lk_say *s, enum lk_style style)
{
	static const char *const codes[] = {
		[LK_STYLE_TITLE] = "\033[1m",
		[LK_STYLE_BAD] = "\033[1;31m",
		[LK_STYLE_DIM] = "\033[2m",
		[LK_STYLE_NAME] = "\033[36m",
	};

	if (s->colour)
		fputs(codes[style], s->out);
}

void lk_say_plain(const struct lk_say *s)
{
	if (s->colour)
		fputs("\033[0m", s->out);
}

void lk_say_title(const struct lk_say *s, const char *title)
{
	fputc('\n', s->out);
	lk_say_style(s, LK_STYLE_TITLE);
	fputs(title, s->out);
	lk_say_plain(s);
	fputc('\n', s->out);
}

/* Four bytes of output for one of text is the most.  Gives the columns. */
static int make_printable(const char *text, char *out)
{
	size_t left = strlen(text), width;
	int columns = 0;
	uint32_t c;

	while (left) {
		if (!lk_utf8_next((const uint8_t *)text, left, &c, &width) && lk_is_printable(c) &&
			c >= 0x20) {
			memcpy(out, text, width);
			out += width;
			columns++;
		} else if (*text == '\t') {
			out += sprintf(out, "    ");
			width = 1;
			columns += 4;
		} else {
			out += sprintf(out, "\\x%02x", (unsigned char)*text);
			width = 1;
			columns += 4;
		}
		text += width;
		left -= width;
	}
	*out = '\0';
	return columns;
}

int lk_say_text(const struct lk_say *s, const char *text)
{
	char *clean = lk_xmalloc(strlen(text) * 4 + 1);
	int columns = make_printable(text, clean);

	fputs(clean, s->out);
	free(clean);
	return columns;
}

/* What follows the first n characters of well-formed UTF-8. */
static const char *skip(const char *text, int n)
{
	while (n-- > 0 && *text)
		for (text++; ((unsigned char)*text & 0xc0) == 0x80;)
			text++;
	return text;
}

void lk_say_column(const struct lk_say *s, const char *text, int columns)
{
	char *clean = lk_xmalloc(strlen(text) * 4 + 1);
	int has = make_printable(text, clean), head = (columns - 3) / 2;

	if (has <= columns)
		fprintf(s->out, "%s%*s", clean, columns - has, "");
	else
		fprintf(s->out, "%.*s...%s", (int)(skip(clean, head) - clean), clean,
			skip(clean, has - (columns - 3 - head)));
	free(clean);
}

void lk_say_paragraph(const struct lk_say *s, const char *text, int indent, int width)
{
	int column = indent;
	char word[256];

	while (*text) {
		size_t n = strcspn(text, " ");
		size_t shown = n < sizeof(word) - 1 ? n : sizeof(word) - 1;

		memcpy(word, text, shown);
		word[shown] = '\0';
		if (column > indent && column + 1 + (int)shown > width) {
			fprintf(s->out, "\n%*s", indent, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', s->out);
			column++;
		}
		column += lk_say_text(s, word);
		/* What is longer than a line is no word: the rest follows at once. */
		text += n > shown ? shown : n;
		if (n <= shown)
			text += strspn(text, " ");
	}
	fputc('\n', s->out);
}
