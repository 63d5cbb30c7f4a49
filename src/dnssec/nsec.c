/* nsec.c - NSEC RDATA and type bitmaps. */
#include "avow/dnssec/nsec.h"

enum { WINDOW_OCTETS = 32 };

/* One window of a bitmap; false at the end or where the bitmap is malformed. */
static bool next_window(struct reader *bitmap, uint8_t *number, struct reader *bits)
{
    if (reader_left(bitmap) == 0)
        return false;
    *number = reader_u8(bitmap);
    uint8_t length = reader_u8(bitmap);
    *bits = reader_part(bitmap, length);
    if (length == 0 || length > WINDOW_OCTETS)
        reader_fail(bitmap);
    return !bitmap->failed;
}

static bool bit_is_set(const struct reader *bits, unsigned bit)
{
    return bit / 8 < reader_left(bits) && (bits->at[bit / 8] & (0x80 >> bit % 8)) != 0;
}

static void write_window(struct writer *writer, uint8_t number, const uint8_t bits[WINDOW_OCTETS])
{
    uint8_t length = WINDOW_OCTETS;

    while (length > 0 && bits[length - 1] == 0)
        length--;
    if (length == 0)
        return;
    writer_u8(writer, number);
    writer_u8(writer, length);
    writer_add(writer, bits, length);
}

void nsec_bitmap_write(struct writer *writer, const uint16_t *types, size_t count)
{
    uint8_t bits[WINDOW_OCTETS] = {0};
    uint8_t window = 0;

    for (size_t i = 0; i < count; i++) {
        if (i > 0 && types[i] < types[i - 1]) {
            writer->failed = true;
            return;
        }
        if (types[i] >> 8 != window) {
            write_window(writer, window, bits);
            memset(bits, 0, sizeof(bits));
            window = (uint8_t)(types[i] >> 8);
        }
        bits[(types[i] & 0xff) / 8] |= (uint8_t)(0x80 >> types[i] % 8);
    }
    write_window(writer, window, bits);
}

enum result nsec_bitmap_check(const uint8_t *bitmap, size_t length)
{
    struct reader reader = reader_over(bitmap, length), bits;
    int before = -1;
    uint8_t number;

    while (next_window(&reader, &number, &bits)) {
        if (number <= before || bits.end[-1] == 0)
            return RESULT_FORMAT;
        before = number;
    }
    return reader_finish(&reader);
}

bool nsec_bitmap_has(const uint8_t *bitmap, size_t length, uint16_t type)
{
    struct reader reader = reader_over(bitmap, length), bits;
    uint8_t number;

    while (next_window(&reader, &number, &bits))
        if (number == type >> 8)
            return bit_is_set(&bits, type & 0xff);
    return false;
}

int32_t nsec_bitmap_next(const uint8_t *bitmap, size_t length, int32_t after)
{
    struct reader reader = reader_over(bitmap, length), bits;
    int32_t first = after + 1;
    uint8_t number;

    while (next_window(&reader, &number, &bits)) {
        unsigned bit = 0;
        if (number < first >> 8)
            continue;
        if (number == first >> 8)
            bit = (unsigned)first & 0xff;
        for (; bit < reader_left(&bits) * 8; bit++)
            if (bit_is_set(&bits, bit))
                return (int32_t)number << 8 | (int32_t)bit;
    }
    return -1;
}

void nsec_write(struct writer *rdata, const struct name *next, const uint16_t *types, size_t count)
{
    name_write(rdata, next);
    nsec_bitmap_write(rdata, types, count);
}

enum result nsec_read(struct reader *rdata, struct nsec *nsec)
{
    name_read_plain(rdata, &nsec->next);
    nsec->bitmap_length = reader_left(rdata);
    nsec->bitmap = reader_take(rdata, nsec->bitmap_length);

    enum result result = reader_finish(rdata);
    return result ? result : nsec_bitmap_check(nsec->bitmap, nsec->bitmap_length);
}

bool nsec_covers(const struct name *owner, const struct name *next, const struct name *name)
{
    if (name_compare(owner, name) >= 0)
        return false;
    if (name_compare(owner, next) < 0)
        return name_compare(name, next) < 0;
    return name_is_within(name, next); /* the last of the chain: next is the apex */
}
