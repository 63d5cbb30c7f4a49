/* fuzz_rdata_text.c - RDATA as people write it: what is taken passes the check, is printed, and
 * printed once more it is the same. The first two octets choose the type. */
#include <stdlib.h>
#include <string.h>

#include "avow/wire/rdata.h"
#include "tests/unit/words.h"

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static enum result parse(uint16_t type, const uint8_t *text, size_t length, struct writer *rdata)
{
    static const struct name origin = {.length = 3, .labels = 1, .octets = {1, 'o', 0}};
    struct words words = words_over(text, length);
    struct tokens tokens = {.next = words_next, .context = &words, .origin = &origin};
    enum result result = rdata_from_tokens(type, &tokens, rdata);

    demand(result != RESULT_FORMAT || tokens.what);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t first[RDATA_MAX_OCTETS], second[RDATA_MAX_OCTETS];
    struct writer rdata = writer_over(first, sizeof(first));
    struct writer again = writer_over(second, sizeof(second));
    struct reader input = reader_over(data, size);
    uint16_t type = reader_u16(&input);
    struct buffer text = {0};

    if (input.failed || parse(type, input.at, reader_left(&input), &rdata))
        return 0;
    demand(rdata_check(type, first, rdata.length) == RESULT_OK);
    rdata_to_text(type, first, rdata.length, &text);
    demand(buffer_check(&text) == RESULT_OK);
    demand(parse(type, text.octets, text.length, &again) == RESULT_OK);
    demand(again.length == rdata.length &&
           (again.length == 0 || memcmp(first, second, again.length) == 0));
    buffer_free(&text);
    return 0;
}
