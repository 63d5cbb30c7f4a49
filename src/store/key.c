/* key.c - the keys of the tables. */
#include "avow/store/key.h"

#include "avow/wire/writer.h"

/* Keys always fit: 2 + 504 + 4 octets at most (avow/wire/name.h). */
static struct writer key_writer(struct store_key *key)
{
    return writer_over(key->octets, sizeof key->octets);
}

void store_key_node(struct store_key *key, uint32_t version, const struct name *name)
{
    struct writer writer = key_writer(key);

    writer_u32(&writer, version);
    name_key_write(&writer, name);
    key->length = (uint16_t)writer.length;
}

void store_key_rrset(struct store_key *key, const uint8_t *node_key, size_t length, uint16_t type)
{
    struct writer writer = key_writer(key);

    writer_add(&writer, node_key, length);
    writer_u16(&writer, type);
    key->length = (uint16_t)writer.length;
}

void store_key_nsec3(struct store_key *key, uint32_t version, const uint8_t *hash)
{
    struct writer writer = key_writer(key);

    writer_u32(&writer, version);
    writer_add(&writer, hash, 20);
    key->length = (uint16_t)writer.length;
}

void store_key_zone(struct store_key *key, const struct name *apex)
{
    struct writer writer = key_writer(key);

    writer_u8(&writer, 0);
    name_key_write(&writer, apex);
    key->length = (uint16_t)writer.length;
}

void store_key_key(struct store_key *key, const struct name *zone, uint32_t number)
{
    struct writer writer = key_writer(key);
    size_t mark = writer_open_length(&writer);

    name_key_write(&writer, zone);
    writer_close_length(&writer, mark);
    writer_u32(&writer, number);
    key->length = (uint16_t)writer.length;
}

void store_key_journal(struct store_key *key, uint32_t version, uint32_t from, uint16_t piece)
{
    struct writer writer = key_writer(key);

    writer_u32(&writer, version);
    writer_u32(&writer, from);
    writer_u16(&writer, piece);
    key->length = (uint16_t)writer.length;
}

uint32_t store_key_version(const uint8_t *key, size_t length)
{
    struct reader reader = reader_over(key, length);

    return reader_u32(&reader);
}
