/* complaint.c - complaints counted and made into text. */
#include "avow/base/complaint.h"

#include <stdarg.h>
#include <stdio.h>

void complain(struct complaints *complaints, const struct complaint *complaint)
{
    if (complaint->weight == COMPLAINT_ERROR)
        complaints->errors++;
    if (complaint->weight == COMPLAINT_WARNING)
        complaints->warnings++;
    if (complaints->take)
        complaints->take(complaints->context, complaint);
}

int complaints_exhausted(const struct complaints *complaints)
{
    return complaints->errors >= (complaints->limit ? complaints->limit : 100);
}

/* Where the text goes; counts on when it is full, as snprintf does. */
struct text {
    char *at;
    size_t left;
    size_t needed;
};

static void text_add(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);

static void text_add(struct text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(text->at, text->left, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    text->needed += (size_t)length;
    size_t used = (size_t)length < text->left ? (size_t)length : text->left;
    text->at += used;
    text->left -= used;
}

static void add_excerpt(struct text *text, const struct complaint *complaint)
{
    text_add(text, "\n%5u | %s\n      | ", complaint->line, complaint->excerpt);
    /* A tab before the caret stays a tab, so that the caret stands under the same place. */
    for (uint32_t i = 1; i < complaint->column && complaint->excerpt[i - 1]; i++)
        text_add(text, "%c", complaint->excerpt[i - 1] == '\t' ? '\t' : ' ');
    text_add(text, "^");
    for (uint32_t i = 1; i < complaint->width && i < 120; i++)
        text_add(text, "~");
}

size_t complaint_text(const struct complaint *complaint, char *text, size_t size)
{
    static const char *const words[] = {
        [COMPLAINT_ERROR] = "error", [COMPLAINT_WARNING] = "warning", [COMPLAINT_NOTE] = "note"};
    struct text out = {.at = text, .left = size};

    if (complaint->file)
        text_add(&out, "%s:", complaint->file);
    if (complaint->line)
        text_add(&out, "%u:", complaint->line);
    if (complaint->line && complaint->column)
        text_add(&out, "%u:", complaint->column);
    if (out.needed)
        text_add(&out, " ");
    text_add(&out, "%s: %s", words[complaint->weight], complaint->what);
    if (complaint->excerpt && complaint->column)
        add_excerpt(&out, complaint);
    return out.needed;
}
