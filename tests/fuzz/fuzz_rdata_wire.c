/* fuzz_rdata_wire.c - RDATA from strangers: what passes the check is printed, read back octet for
 * octet, and has a canonical form that is equal to it. The first two octets choose the type. */
#include <stdlib.h>
#include <string.h>

#include "avow/wire/rdata.h"
#include "tests/unit/words.h"

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static void print_and_read(uint16_t type, const uint8_t *octets, size_t length)
{
    static uint8_t again[RDATA_MAX_OCTETS];
    struct writer rdata = writer_over(again, sizeof(again));
    struct buffer text = {0};

    rdata_to_text(type, octets, length, &text);
    demand(buffer_check(&text) == RESULT_OK);
    struct words words = words_over(text.octets, text.length);
    struct tokens tokens = {.next = words_next, .context = &words};
    demand(rdata_from_tokens(type, &tokens, &rdata) == RESULT_OK);
    demand(rdata.length == length && (length == 0 || memcmp(again, octets, length) == 0));
    buffer_free(&text);
}

static void make_canonical(uint16_t type, const uint8_t *octets, size_t length)
{
    static uint8_t canonical[RDATA_MAX_OCTETS];
    struct writer writer = writer_over(canonical, sizeof(canonical));
    struct name target;

    rdata_write_canonical(&writer, type, octets, length);
    demand(writer.length == length);
    demand(rdata_check(type, canonical, length) == RESULT_OK);
    demand(rdata_compare(type, octets, length, canonical, length) == 0);
    (void)rdata_target(type, octets, length, &target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t plain[RDATA_MAX_OCTETS];
    struct reader input = reader_over(data, size);
    uint16_t type = reader_u16(&input);
    size_t length = reader_left(&input);

    if (input.failed)
        return 0;
    if (rdata_check(type, input.at, length) == RESULT_OK) {
        print_and_read(type, input.at, length);
        make_canonical(type, input.at, length);
    }
    /* As part of a message, with pointers; from the fourth octet on, so that there is something
     * to point at. */
    (void)reader_take(&input, length < 4 ? length : 4);
    struct reader rdata = reader_part(&input, reader_left(&input));
    struct writer writer = writer_over(plain, sizeof(plain));
    if (rdata_read(type, &rdata, &writer) == RESULT_OK) {
        demand(rdata_check(type, plain, writer.length) == RESULT_OK);
        print_and_read(type, plain, writer.length);
    }
    return 0;
}
