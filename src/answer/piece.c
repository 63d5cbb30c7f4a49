/*
 * piece.c - beginnings of authority sections, kept as octets.
 *
 * A piece stands right behind the question. Its compression pointers lead into itself or to the
 * encloser's name at the end of the question's; both move by as much as the question's length
 * differs, so that moving a piece is adding the difference to each of them.
 */
#include "piece.h"

#include <string.h>

#include "making.h"

enum { POINTER_BITS = 0xc0, RECORD_FIXED_OCTETS = 10 };

/* ---- where pointers stand ------------------------------------------------------------------- */

struct scan {
    const uint8_t *octets;
    size_t at, end;
    struct piece *piece;
    size_t base; /* of the piece in the message */
    bool failed;
};

static void scan_name(struct scan *scan)
{
    struct piece *piece = scan->piece;

    while (scan->at < scan->end && scan->octets[scan->at] != 0) {
        if (scan->octets[scan->at] < POINTER_BITS) {
            scan->at += scan->octets[scan->at] + 1U;
            continue;
        }
        if (piece->pointer_count == PIECE_POINTERS)
            scan->failed = true;
        else
            piece->pointers[piece->pointer_count++] = (uint16_t)(scan->at - scan->base);
        scan->at += 2;
        return;
    }
    scan->at++;
}

static void scan_record(struct scan *scan)
{
    scan_name(scan);
    if (scan->at + RECORD_FIXED_OCTETS > scan->end) {
        scan->failed = true;
        return;
    }
    const uint8_t *fixed = scan->octets + scan->at;
    uint16_t type = (uint16_t)(fixed[0] << 8 | fixed[1]);
    size_t behind = scan->at + RECORD_FIXED_OCTETS + (size_t)(fixed[8] << 8 | fixed[9]);
    scan->at += RECORD_FIXED_OCTETS;
    if (type == TYPE_SOA) { /* the only type here with names that may be compressed */
        scan_name(scan);
        scan_name(scan);
    }
    scan->at = behind;
}

/* Whether all pointers lead to where they may: not into what is the question's alone. */
static bool all_move(const struct making *making, const struct piece *piece)
{
    unsigned at = MESSAGE_HEADER_OCTETS;

    for (unsigned skip = making->name.labels - making->place.encloser_labels; skip > 0; skip--)
        at += making->builder.writer.octets[at] + 1U;
    unsigned least =
        piece->kind == PIECE_NO_NAME ? at : piece->question_end - 4U - making->zone->apex.length;
    for (unsigned i = 0; i < piece->pointer_count; i++) {
        const uint8_t *pointer = piece->octets + piece->pointers[i];
        if (((unsigned)(pointer[0] << 8 | pointer[1]) & 0x3fff) < least)
            return false;
    }
    return true;
}

static bool find_pointers(const struct making *making, struct piece *piece)
{
    const struct writer *writer = &making->builder.writer;
    struct scan scan = {.octets = writer->octets,
                        .at = making->start.length,
                        .end = writer->length,
                        .piece = piece,
                        .base = making->start.length};

    piece->pointer_count = 0;
    while (scan.at < scan.end && !scan.failed)
        scan_record(&scan);
    return !scan.failed && scan.at == scan.end;
}

/* ---- keys ----------------------------------------------------------------------------------- */

static bool key_of(const struct making *making, enum piece_kind kind, const uint8_t **key,
                   size_t *length)
{
    const struct node_view *encloser = &making->place.encloser;

    /* The key of any node of the zone begins with its version. */
    *key = encloser->key;
    *length = kind == PIECE_SOA ? RECORD_PREFIX_OCTETS : encloser->key_length;
    return making->answerer->cache && making->links == 0 && *length <= PIECE_KEY_OCTETS;
}

static uint64_t hash_key(const struct making *making, enum piece_kind kind, const uint8_t *key,
                         size_t length)
{
    return hash_octets(&making->answerer->charge_key, key, length) +
           ((uint64_t)kind << 1 | making->sign);
}

static struct piece *place_of(const struct making *making, uint64_t hash)
{
    const struct pieces *pieces = kept_pieces(making->answerer->cache);

    return &pieces->all[hash & pieces->mask];
}

static bool is_good(const struct making *making, const struct piece *piece)
{
    return piece->made <= making->now && making->now <= piece->expires &&
           piece->transaction >= zone_last_change(making->answerer->snapshot, making->zone);
}

/* ---- putting and keeping -------------------------------------------------------------------- */

static void move_pointers(uint8_t *octets, const struct piece *piece, unsigned by)
{
    for (unsigned i = 0; i < piece->pointer_count; i++) {
        uint8_t *pointer = octets + piece->pointers[i];
        unsigned value = (unsigned)(pointer[0] << 8 | pointer[1]) + by;
        pointer[0] = (uint8_t)(value >> 8);
        pointer[1] = (uint8_t)value;
    }
}

bool piece_has(const struct piece *piece, const uint8_t hash[NODE_HASH_OCTETS])
{
    for (unsigned i = 0; i < piece->proof_count; i++)
        if (memcmp(piece->proofs[i], hash, NODE_HASH_OCTETS) == 0)
            return true;
    return false;
}

const struct piece *piece_put(struct making *making, enum piece_kind kind)
{
    struct builder *builder = &making->builder;
    const uint8_t *key;
    size_t length;

    if (!key_of(making, kind, &key, &length) || builder->writer.length != making->start.length)
        return NULL;
    uint64_t hash = hash_key(making, kind, key, length);
    const struct piece *piece = place_of(making, hash);
    if (piece->hash != hash || piece->kind != kind || piece->sign != making->sign ||
        piece->key_length != length || memcmp(piece->key, key, length) != 0 ||
        !is_good(making, piece))
        return NULL;
    uint8_t *octets = writer_claim(&builder->writer, piece->length);
    if (!octets) {
        making->truncated = true;
        builder_rewind(builder, &making->start);
        return piece;
    }
    memcpy(octets, piece->octets, piece->length);
    if (making->start.length != piece->question_end)
        move_pointers(octets, piece, (unsigned)making->start.length - piece->question_end);
    builder->counts[SECTION_AUTHORITY] =
        (uint16_t)(builder->counts[SECTION_AUTHORITY] + piece->records);
    if (piece->expires < making->expires)
        making->expires = piece->expires;
    return piece;
}

static void keep_proofs(const struct making *making, struct piece *piece)
{
    piece->proof_count = 0;
    for (unsigned i = 0; piece->kind == PIECE_NO_NAME && i < making->proof_count; i++)
        memcpy(piece->proofs[piece->proof_count++], making->proofs[i].key, NODE_HASH_OCTETS);
}

void piece_keep(struct making *making, enum piece_kind kind)
{
    const struct writer *writer = &making->builder.writer;
    size_t length = writer->length - making->start.length, key_length;
    const uint8_t *key;

    if (!key_of(making, kind, &key, &key_length) || making->corrupt || making->truncated ||
        making->outcome->wanted_count || length > PIECE_OCTETS ||
        (kind == PIECE_NO_NAME && making->proof_count > PIECE_PROOFS))
        return;
    uint64_t hash = hash_key(making, kind, key, key_length);
    struct piece *piece = place_of(making, hash);
    piece->transaction = 0; /* not to be used until it is whole */
    piece->kind = (uint8_t)kind;
    piece->question_end = (uint16_t)making->start.length;
    piece->length = (uint16_t)length;
    memcpy(piece->octets, writer->octets + making->start.length, length);
    if (!find_pointers(making, piece) || !all_move(making, piece))
        return;
    piece->hash = hash;
    piece->sign = making->sign;
    piece->records = making->builder.counts[SECTION_AUTHORITY];
    piece->made = making->now;
    piece->expires = making->expires;
    piece->key_length = (uint8_t)key_length;
    memcpy(piece->key, key, key_length);
    keep_proofs(making, piece);
    piece->transaction = making->answerer->snapshot->id;
}
