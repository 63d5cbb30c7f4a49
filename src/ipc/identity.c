/* identity.c - who came by TLS, as octets with a seal. */
#include "avow/ipc/identity.h"

#include <string.h>
#include <sys/socket.h>

enum { FLAG_DOT = 1, FLAG_PIN = 2, VERDICT_SHIFT = 2, SOCKET_OCTETS = 8 };

enum result identity_socket(int descriptor, uint64_t *socket)
{
    socklen_t length = sizeof *socket;

    return getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, socket, &length) ? RESULT_SYSTEM
                                                                          : RESULT_OK;
}

/* What the seal is made of: the socket's number, and the octets without the seal. */
struct sealed {
    uint8_t octets[SOCKET_OCTETS + IDENTITY_MOST_OCTETS];
};

static void put_socket(struct sealed *sealed, uint64_t socket)
{
    struct writer writer = writer_over(sealed->octets, SOCKET_OCTETS);

    writer_u64(&writer, socket);
}

size_t identity_write(const struct identity *identity, const uint8_t key[IDENTITY_KEY_OCTETS],
                      uint64_t socket, uint8_t octets[IDENTITY_MOST_OCTETS])
{
    struct sealed sealed;
    struct writer writer =
        writer_over(sealed.octets + SOCKET_OCTETS, IDENTITY_MOST_OCTETS - SIPHASH_OCTETS);

    put_socket(&sealed, socket);
    writer_u8(&writer,
              (uint8_t)((identity->is_dot ? FLAG_DOT : 0) | (identity->has_pin ? FLAG_PIN : 0) |
                        (unsigned)identity->verdict << VERDICT_SHIFT));
    if (identity->has_pin)
        writer_add(&writer, identity->pin, sizeof identity->pin);
    for (unsigned i = 0; i < identity->name_count && i < IDENTITY_NAMES; i++)
        writer_add(&writer, identity->names[i].octets, identity->names[i].length);
    memcpy(octets, writer.octets, writer.length);
    siphash(key, sealed.octets, SOCKET_OCTETS + writer.length, octets + writer.length);
    return writer.length + SIPHASH_OCTETS;
}

static enum result read_fields(struct reader *reader, struct identity *identity)
{
    uint8_t flags = reader_u8(reader);
    unsigned verdict = flags >> VERDICT_SHIFT;

    identity->is_dot = flags & FLAG_DOT;
    identity->has_pin = flags & FLAG_PIN;
    if (verdict >= (identity->has_pin ? IDENTITY_VERDICTS : IDENTITY_VOUCHED + 1))
        return RESULT_FORMAT;
    identity->verdict = (enum identity_verdict)verdict;
    if (identity->has_pin) {
        const uint8_t *pin = reader_take(reader, sizeof identity->pin);
        if (pin)
            memcpy(identity->pin, pin, sizeof identity->pin);
    }
    while (reader_left(reader) > 0) {
        if (!identity->has_pin || verdict != IDENTITY_VOUCHED ||
            identity->name_count == IDENTITY_NAMES)
            return RESULT_FORMAT;
        name_read_plain(reader, &identity->names[identity->name_count++]);
    }
    return reader_finish(reader);
}

enum result identity_read(struct span octets, const uint8_t key[IDENTITY_KEY_OCTETS],
                          uint64_t socket, struct identity *identity)
{
    struct sealed sealed;

    memset(identity, 0, sizeof *identity);
    if (octets.length < 1 + SIPHASH_OCTETS || octets.length > IDENTITY_MOST_OCTETS)
        return RESULT_FORMAT;
    size_t length = octets.length - SIPHASH_OCTETS;
    put_socket(&sealed, socket);
    memcpy(sealed.octets + SOCKET_OCTETS, octets.octets, length);
    if (!siphash_fits(key, sealed.octets, SOCKET_OCTETS + length, octets.octets + length))
        return RESULT_FORMAT;
    struct reader reader = reader_over(octets.octets, length);
    enum result result = read_fields(&reader, identity);
    if (result)
        memset(identity, 0, sizeof *identity);
    return result;
}
