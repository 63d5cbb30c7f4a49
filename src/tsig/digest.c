/* digest.c - what is digested of a message and its TSIG, and the HMAC over it. */
#include "digest.h"

#include <openssl/err.h>
#include <openssl/evp.h>

static void add(struct tsig_digest *digest, const void *octets, size_t length)
{
    if (digest->context && length > 0 && EVP_MAC_update(digest->context, octets, length) != 1)
        digest->context = NULL;
}

struct tsig_digest tsig_digest_begin(const struct tsig_keyring *keyring, const struct tsig_key *key)
{
    struct tsig_digest digest = {.context = NULL};

    /* A key of another keyring, such as one that a reload has closed, has no context here. */
    uintptr_t offset = (uintptr_t)key - (uintptr_t)keyring->keys;
    size_t index = offset / sizeof *key;
    if (!key || index >= keyring->count)
        return digest;
    digest.octets = tsig_mac_octets(key->algorithm);
    digest.context = keyring->contexts[index];
    if (EVP_MAC_init(digest.context, NULL, 0, NULL) != 1)
        digest.context = NULL;
    return digest;
}

void tsig_digest_prior(struct tsig_digest *digest, const uint8_t *mac, size_t length)
{
    const uint8_t field[2] = {(uint8_t)(length >> 8), (uint8_t)length};

    if (length == 0)
        return;
    add(digest, field, sizeof field);
    add(digest, mac, length);
}

void tsig_digest_message(struct tsig_digest *digest, const uint8_t *octets, size_t length,
                         uint16_t original_id, uint16_t additional)
{
    uint8_t header[MESSAGE_HEADER_OCTETS];

    memcpy(header, octets, sizeof header);
    header[0] = (uint8_t)(original_id >> 8);
    header[1] = (uint8_t)original_id;
    header[HEADER_ADDITIONAL_AT] = (uint8_t)(additional >> 8);
    header[HEADER_ADDITIONAL_AT + 1] = (uint8_t)additional;
    add(digest, header, sizeof header);
    add(digest, octets + sizeof header, length - sizeof header);
}

static void write_canonical(struct writer *writer, const struct name *name)
{
    struct name lower;

    name_copy(&lower, name);
    name_lower(&lower);
    name_write(writer, &lower);
}

void tsig_digest_variables(struct tsig_digest *digest, const struct tsig_record *record)
{
    /* Two names; class, TTL, time, fudge, error and the length of Other Data. */
    uint8_t octets[2 * NAME_MAX_OCTETS + 18];
    struct writer writer = writer_over(octets, sizeof octets);

    write_canonical(&writer, &record->owner);
    writer_u16(&writer, CLASS_ANY);
    writer_u32(&writer, 0);
    write_canonical(&writer, &record->algorithm);
    tsig_time_write(&writer, record->time_signed);
    writer_u16(&writer, record->fudge);
    writer_u16(&writer, record->error);
    writer_u16(&writer, record->other_length);
    add(digest, octets, writer.length);
    add(digest, record->other, record->other_length);
    if (writer_check(&writer))
        digest->context = NULL;
}

void tsig_digest_timers(struct tsig_digest *digest, const struct tsig_record *record)
{
    uint8_t octets[TSIG_TIME_OCTETS + 2];
    struct writer writer = writer_over(octets, sizeof octets);

    tsig_time_write(&writer, record->time_signed);
    writer_u16(&writer, record->fudge);
    add(digest, octets, writer.length);
}

enum result tsig_digest_end(struct tsig_digest *digest, uint8_t mac[TSIG_MAX_MAC])
{
    size_t length = 0;

    if (digest->context && EVP_MAC_final(digest->context, mac, &length, TSIG_MAX_MAC) == 1 &&
        length == digest->octets)
        return RESULT_OK;
    ERR_clear_error();
    return RESULT_SYSTEM;
}
