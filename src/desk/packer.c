/* packer.c - a message of a transfer being filled. */
#include "packer.h"

#include <endian.h>
#include <string.h>

enum {
    POINTER_BITS = 0xc000,
    POINTER_REACH = 0x3fff,
    POINTER_OCTETS = 2,
    FIXED_OCTETS = 10, /* type, class, TTL, RDLENGTH */
    COUNTS_AT = 4
};

static uint8_t *put_u16(uint8_t *place, unsigned value)
{
    place[0] = (uint8_t)(value >> 8);
    place[1] = (uint8_t)value;
    return place + 2;
}

/* ---- the owner ------------------------------------------------------------------------------- */

/* A label that stands elsewhere, without its length octet. */
struct label {
    const uint8_t *octets;
    unsigned length;
};

static struct label label_at(const uint8_t *octets)
{
    return (struct label){.octets = octets + 1, .length = octets[0]};
}

/* Put a label before the first `labels` - 1 of the owner's. */
static bool prepend(struct packer *packer, unsigned labels, const struct label *label)
{
    unsigned octets = label->length + 1U, behind = packer->starts[labels - 1];

    if (octets > behind)
        return false;
    uint8_t *place = packer->name + behind - octets;
    packer->starts[labels] = (uint8_t)(behind - octets);
    packer->places[labels] = 0;
    *place = (uint8_t)label->length;
    memcpy(place + 1, label->octets, label->length);
    return true;
}

static void take_apex(struct packer *packer)
{
    const struct name *apex = packer->apex;
    unsigned at = NAME_MAX_OCTETS - apex->length;

    memcpy(packer->name + at, apex->octets, apex->length);
    for (unsigned labels = apex->labels; labels > 0; labels--) {
        packer->starts[labels] = (uint8_t)at;
        at += packer->name[at] + 1U;
    }
    packer->labels = apex->labels;
    packer->key = NULL;
}

void packer_reset(struct packer *packer, const struct name *apex)
{
    packer->writer = NULL;
    packer->apex = apex;
    packer->starts[0] = NAME_MAX_OCTETS - 1;
    memset(packer->places, 0, (apex->labels + 1U) * sizeof packer->places[0]);
    take_apex(packer);
}

/* The question's name is a target when it is the apex in the very same octets. */
static void take_question(struct packer *packer, const struct packer_head *head)
{
    const struct name *apex = packer->apex;

    if (head->question_octets < apex->length ||
        memcmp(head->question, apex->octets, apex->length) != 0)
        return;
    for (unsigned labels = apex->labels; labels > 0; labels--)
        packer->places[labels] = (uint16_t)(MESSAGE_HEADER_OCTETS + packer->starts[labels] -
                                            packer->starts[apex->labels]);
}

void packer_begin(struct packer *packer, struct writer *writer, const struct name *apex,
                  const struct packer_head *head)
{
    const struct header header = {
        .id = head->id, .flags = head->flags, .counts = {head->question_octets > 0}};

    packer_reset(packer, apex);
    packer->writer = writer;
    packer->records = 0;
    packer->limit = PACKER_OCTETS;
    header_write(writer, &header);
    writer_add(writer, head->question, head->question_octets);
    if (head->question_octets > 0)
        take_question(packer, head);
}

void packer_owner(struct packer *packer, const struct name *owner)
{
    LEFT_UNSET uint8_t starts[NAME_MAX_LABELS + 1];
    unsigned shared = 0, at = 0;

    for (unsigned i = owner->labels; i > 0; i--, at += owner->octets[at] + 1U)
        starts[i] = (uint8_t)at;
    while (shared < owner->labels && shared < packer->labels) {
        const uint8_t *a = owner->octets + starts[shared + 1];
        const uint8_t *b = packer->name + packer->starts[shared + 1];
        if (a[0] != b[0] || memcmp(a, b, a[0] + 1U) != 0)
            break;
        shared++;
    }
    for (unsigned labels = shared + 1; labels <= owner->labels; labels++) {
        const struct label label = label_at(owner->octets + starts[labels]);
        (void)prepend(packer, labels, &label);
    }
    packer->labels = owner->labels;
    packer->key = NULL;
}

void packer_owner_name(const struct packer *packer, struct name *owner)
{
    unsigned start = packer->starts[packer->labels];

    owner->labels = packer->labels;
    owner->length = (uint8_t)(NAME_MAX_OCTETS - start);
    memcpy(owner->octets, packer->name + start, owner->length);
}

enum result packer_owner_label(struct packer *packer, const uint8_t *octets)
{
    unsigned labels = packer->apex->labels + 1U;
    const struct label label = label_at(octets);

    packer->key = NULL;
    packer->labels = packer->apex->labels;
    if (labels > NAME_MAX_LABELS || !prepend(packer, labels, &label))
        return RESULT_CORRUPT;
    packer->labels = (uint8_t)labels;
    return RESULT_OK;
}

/* ---- the owner by its key -------------------------------------------------------------------- */

/* Octets that two keys have in common at their front. */
static size_t common_octets(const uint8_t *a, const uint8_t *b, size_t length)
{
    size_t at = 0;

    for (; at + 8 <= length; at += 8) {
        uint64_t x, y;
        memcpy(&x, a + at, 8);
        memcpy(&y, b + at, 8);
        if (x != y)
            break;
    }
    while (at < length && a[at] == b[at])
        at++;
    return at;
}

/* Labels that the owner to come has in common with the one before. */
static unsigned shared_labels(const struct packer *packer, const uint8_t *key, size_t length)
{
    unsigned labels = packer->key ? packer->labels : 0;

    if (labels == 0)
        return 0;
    size_t common =
        common_octets(packer->key, key, length < packer->key_octets ? length : packer->key_octets);
    while (labels > 0 && packer->ends[labels] > common)
        labels--;
    return labels;
}

/* The rest of a label in which octets are escaped: it is put together in `room`. */
static bool read_escaped(struct reader *key, uint8_t room[NAME_MAX_LABEL_OCTETS],
                         struct label *label)
{
    const uint8_t *at = key->at;
    unsigned length = 0;

    for (; at < key->end && *at != 0; at++) {
        uint8_t octet = *at;
        if (octet == 1) {
            if (++at == key->end || (*at != 1 && *at != 2))
                return false;
            octet = (uint8_t)(*at - 1);
        }
        if (length == NAME_MAX_LABEL_OCTETS)
            return false;
        room[length++] = octet;
    }
    if (at == key->end)
        return false;
    key->at = at + 1;
    *label = (struct label){.octets = room, .length = length};
    return true;
}

/* One label of a key, which 00 ends and in which 01 escapes (name.h): mostly none does. */
static bool read_label(struct reader *key, uint8_t room[NAME_MAX_LABEL_OCTETS], struct label *label)
{
    const uint8_t *at = key->at;

    while (at != key->end && at[0] > 1)
        at++;
    if (at == key->end)
        return false;
    if (*at == 1)
        return read_escaped(key, room, label);
    *label = (struct label){.octets = key->at, .length = (unsigned)(at - key->at)};
    key->at = at + 1;
    return label->length > 0 && label->length <= NAME_MAX_LABEL_OCTETS;
}

/* Whether the label is the one that the owner before has there: without a key to compare, that is
 * how places in the message are kept. */
static bool same_label(const struct packer *packer, unsigned labels, const struct label *label)
{
    const uint8_t *own = packer->name + packer->starts[labels];

    return own[0] == label->length && memcmp(own + 1, label->octets, label->length) == 0;
}

static bool read_labels(struct packer *packer, unsigned shared, struct reader *key,
                        const uint8_t *start)
{
    LEFT_UNSET uint8_t room[NAME_MAX_LABEL_OCTETS];
    struct label label;
    bool same = !packer->key;
    unsigned before = packer->labels, labels = shared;

    while (key->at < key->end) {
        if (!read_label(key, room, &label) || labels == NAME_MAX_LABELS)
            return false;
        labels++;
        same = same && labels <= before && same_label(packer, labels, &label);
        if (!same && !prepend(packer, labels, &label))
            return false;
        packer->ends[labels] = (uint16_t)(key->at - start);
    }
    packer->labels = (uint8_t)labels;
    return true;
}

enum result packer_owner_key(struct packer *packer, const uint8_t *key, size_t length)
{
    const struct name *apex = packer->apex;
    unsigned shared = shared_labels(packer, key, length);
    struct reader rest = reader_over(key, length);

    rest.at += packer->ends[shared];
    if (!read_labels(packer, shared, &rest, key) || packer->labels < apex->labels ||
        (shared < apex->labels &&
         memcmp(packer->name + NAME_MAX_OCTETS - apex->length, apex->octets, apex->length) != 0)) {
        memset(packer->places, 0, (apex->labels + 1U) * sizeof packer->places[0]);
        take_apex(packer);
        return RESULT_CORRUPT;
    }
    packer->key = key;
    packer->key_octets = length;
    return RESULT_OK;
}

/* ---- records --------------------------------------------------------------------------------- */

/* Labels of the longest suffix of the owner to which a pointer can lead; 0: none. */
static unsigned known_labels(const struct packer *packer)
{
    unsigned labels = packer->labels;

    while (labels > 0 && packer->places[labels] == 0)
        labels--;
    return labels;
}

static uint8_t *put_owner(struct packer *packer, unsigned known, uint8_t *place)
{
    unsigned start = packer->starts[packer->labels], before = packer->starts[known] - start;
    size_t at = (size_t)(place - packer->writer->octets);

    if (before == 0 && known > 0) /* as for most records: the owner of the one before */
        return put_u16(place, POINTER_BITS | packer->places[known]);
    for (unsigned labels = known + 1; labels <= packer->labels; labels++) {
        size_t stands = at + packer->starts[labels] - start;
        packer->places[labels] = stands <= POINTER_REACH ? (uint16_t)stands : 0;
    }
    memcpy(place, packer->name + start, before);
    place += before;
    if (known > 0)
        return put_u16(place, POINTER_BITS | packer->places[known]);
    *place = 0; /* the root label */
    return place + 1;
}

/* Type, class and TTL, in one piece. */
static uint8_t *put_fixed(uint8_t *place, uint16_t type, uint32_t ttl)
{
    uint64_t octets = htobe64((uint64_t)type << 48 | (uint64_t)CLASS_IN << 32 | ttl);

    memcpy(place, &octets, sizeof octets);
    return place + sizeof octets;
}

/* Where the names of RDATA stand that may be compressed (RFC 3597 section 4). */
static const struct {
    uint8_t before; /* octets before the first name */
    uint8_t names;
} compressible[] = {
    [TYPE_NS] = {0, 1},  [TYPE_MD] = {0, 1},    [TYPE_MF] = {0, 1}, [TYPE_CNAME] = {0, 1},
    [TYPE_SOA] = {0, 2}, [TYPE_MB] = {0, 1},    [TYPE_MG] = {0, 1}, [TYPE_MR] = {0, 1},
    [TYPE_PTR] = {0, 1}, [TYPE_MINFO] = {0, 2}, [TYPE_MX] = {2, 1},
};

/* Octets of the name at the front; all of them when there is none. */
static size_t name_octets(const uint8_t *octets, size_t left)
{
    size_t at = 0;

    while (at < left && octets[at] != 0)
        at += octets[at] + 1U;
    return at < left ? at + 1 : left;
}

/* One name of RDATA, its end replaced by a pointer when that is the apex. */
static uint8_t *put_name(const struct packer *packer, struct reader *rdata, uint8_t *place)
{
    const struct name *apex = packer->apex;
    size_t length = name_octets(rdata->at, reader_left(rdata)), before = 0;
    const uint8_t *octets = reader_take(rdata, length);

    while (before + apex->length < length)
        before += octets[before] + 1U;
    if (before + apex->length != length ||
        memcmp(octets + before, apex->octets, apex->length) != 0) {
        memcpy(place, octets, length);
        return place + length;
    }
    memcpy(place, octets, before);
    return put_u16(place + before, POINTER_BITS | packer->places[apex->labels]);
}

static uint8_t *put_rdata(const struct packer *packer, uint16_t type, struct reader *rdata,
                          uint8_t *place)
{
    size_t plain = reader_left(rdata);

    if (type < COUNT(compressible) && compressible[type].names && packer->apex->labels > 0 &&
        packer->places[packer->apex->labels] && plain >= compressible[type].before) {
        memcpy(place, rdata->at, compressible[type].before);
        place += compressible[type].before;
        reader_take(rdata, compressible[type].before);
        for (unsigned names = compressible[type].names; names > 0; names--)
            place = put_name(packer, rdata, place);
    }
    size_t rest = reader_left(rdata);
    memcpy(place, rdata->at, rest);
    return place + rest;
}

/* One record; false, and nothing is written, when it does not fit. */
static bool add_record(struct packer *packer, uint16_t type, uint32_t ttl, struct reader *rdata)
{
    struct writer *writer = packer->writer;
    unsigned known = known_labels(packer);
    size_t owner = (size_t)packer->starts[known] - packer->starts[packer->labels] +
                   (known ? (size_t)POINTER_OCTETS : 1);
    size_t end = writer->length + owner + FIXED_OCTETS + reader_left(rdata);

    /* What is compressed is shorter, which is not worth a second look. */
    if (end > writer->limit || (end > packer->limit && packer->records > 0) ||
        packer->records == UINT16_MAX || writer->failed)
        return false;
    uint8_t *place = put_owner(packer, known, writer->octets + writer->length);
    place = put_fixed(place, type, ttl);
    uint8_t *length = place;
    place = put_rdata(packer, type, rdata, place + 2);
    put_u16(length, (unsigned)(place - length - 2));
    writer->length = (size_t)(place - writer->octets);
    packer->records++;
    return true;
}

bool packer_run(struct packer *packer, uint16_t type, uint32_t ttl, struct reader *run)
{
    struct reader before = *run, rdata;

    while (rdata_next(run, &rdata)) {
        if (!add_record(packer, type, ttl, &rdata)) {
            *run = before;
            return false;
        }
        before = *run;
    }
    return true;
}

void packer_finish(struct packer *packer, uint16_t additional)
{
    uint8_t *octets = packer->writer->octets;

    if (packer->writer->failed)
        return;
    put_u16(octets + COUNTS_AT + (size_t)2 * SECTION_ANSWER, packer->records);
    put_u16(octets + COUNTS_AT + (size_t)2 * SECTION_ADDITIONAL, additional);
}
