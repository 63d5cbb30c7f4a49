/* fuzz_name.c - names from wire, text and keys: what is accepted survives the way there and back.
 */
#include <stdlib.h>

#include "avow/wire/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void must_be_same(const struct name *a, const struct name *b)
{
    must(a->length == b->length && a->labels == b->labels);
    must(memcmp(a->octets, b->octets, a->length) == 0);
}

static void must_be_whole(const struct name *name)
{
    struct reader reader = reader_over(name->octets, name->length);
    struct name again;

    name_read_plain(&reader, &again);
    must(reader_finish(&reader) == RESULT_OK);
    must_be_same(name, &again);
}

static size_t key_of(const struct name *name, uint8_t key[NAME_KEY_MAX_OCTETS])
{
    struct writer writer = writer_over(key, NAME_KEY_MAX_OCTETS);

    name_key_write(&writer, name);
    must(!writer.failed);
    return writer.length;
}

static void round_trips(const struct name *name)
{
    char text[NAME_MAX_TEXT];
    uint8_t key[NAME_KEY_MAX_OCTETS];
    struct name again, lower;

    must_be_whole(name);
    must(name_from_string(name_to_text(name, text), &again) == RESULT_OK);
    must_be_same(name, &again);
    must(name_key_read(key, key_of(name, key), &again) == RESULT_OK);
    name_copy(&lower, name);
    name_lower(&lower);
    must_be_same(&lower, &again);
    must(name_equal(&lower, name) && name_compare(&lower, name) == 0);
}

static int sign(int number)
{
    return (number > 0) - (number < 0);
}

static void agree(const struct name *a, const struct name *b)
{
    uint8_t a_key[NAME_KEY_MAX_OCTETS], b_key[NAME_KEY_MAX_OCTETS];
    size_t i = key_of(a, a_key), j = key_of(b, b_key);
    struct name suffix, made;

    int order = memcmp(a_key, b_key, i < j ? i : j);
    if (order == 0)
        order = (i > j) - (i < j);
    must(sign(order) == sign(name_compare(a, b)));
    must((order == 0) == name_equal(a, b));
    must(name_is_within(a, b) == (i >= j && memcmp(a_key, b_key, j) == 0));
    unsigned common = name_common_labels(a, b);
    must((common == b->labels) == name_is_within(a, b));
    name_suffix(a, common, &suffix);
    must_be_whole(&suffix);
    must(name_is_within(a, &suffix) && name_is_within(b, &suffix));
    if (name_replace_suffix(a, &suffix, b, &made) == RESULT_OK) {
        must_be_whole(&made);
        must(name_is_within(&made, b));
    }
    if (name_wildcard_of(a, &made) == RESULT_OK)
        must(name_is_wildcard(&made) && name_is_within(&made, a));
}

static void read_as_text(const uint8_t *data, size_t size, const struct name *origin)
{
    struct name name;

    if (name_from_text((const char *)data, size, origin, &name) == RESULT_OK)
        round_trips(&name);
}

static void read_as_key(const uint8_t *data, size_t size)
{
    uint8_t key[NAME_KEY_MAX_OCTETS];
    struct name name;

    if (name_key_read(data, size, &name) != RESULT_OK)
        return;
    round_trips(&name);
    must(key_of(&name, key) == size && memcmp(key, data, size) == 0);
}

/* A name from every octet of the message on, each against the one before. */
static void read_as_message(const uint8_t *data, size_t size)
{
    struct name before, name;

    name_root(&before);
    for (size_t at = 0; at < size && at < 64; at++) {
        struct reader message = reader_over(data, size);
        reader_take(&message, at);
        name_read(&message, &name);
        must(message.at <= message.end);
        must(name.length >= 1);
        if (message.failed)
            continue;
        round_trips(&name);
        agree(&name, &before);
        agree(&before, &name);
        name_copy(&before, &name);
    }
    read_as_text(data, size, &before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_as_message(data, size);
    read_as_text(data, size, NULL);
    read_as_key(data, size);
    return 0;
}
