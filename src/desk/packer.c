/* packer.c - a message of a transfer being filled. */
#include "packer.h"

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

/* Where the labels of a name begin, the root's too. */
static void find_starts(const struct name *name, uint8_t *starts)
{
    unsigned at = 0;

    for (unsigned i = 0; i < name->labels; i++, at += name->octets[at] + 1U)
        starts[i] = (uint8_t)at;
    starts[name->labels] = (uint8_t)at;
}

/* The question's name is a target when it is the apex in the very same octets. */
static void take_question(struct packer *packer, const struct packer_head *head)
{
    const struct name *apex = packer->apex;

    if (head->question_octets < apex->length ||
        memcmp(head->question, apex->octets, apex->length) != 0)
        return;
    for (unsigned labels = apex->labels; labels > 0; labels--)
        packer->places[labels] =
            (uint16_t)(MESSAGE_HEADER_OCTETS + packer->starts[apex->labels - labels]);
}

void packer_begin(struct packer *packer, struct writer *writer, const struct name *apex,
                  const struct packer_head *head)
{
    const struct header header = {
        .id = head->id, .flags = head->flags, .counts = {head->question_octets > 0}};

    packer->writer = writer;
    packer->apex = apex;
    packer->records = 0;
    packer->limit = PACKER_OCTETS;
    header_write(writer, &header);
    writer_add(writer, head->question, head->question_octets);
    name_copy(&packer->owner, apex);
    find_starts(apex, packer->starts);
    memset(packer->places, 0, (apex->labels + 1U) * sizeof packer->places[0]);
    if (head->question_octets > 0)
        take_question(packer, head);
}

void packer_owner(struct packer *packer, const struct name *owner)
{
    const struct name *before = &packer->owner;
    uint8_t starts[NAME_MAX_LABELS + 1];
    unsigned shared = 0;

    if (owner->length == before->length &&
        memcmp(owner->octets, before->octets, owner->length) == 0)
        return;
    find_starts(owner, starts);
    /* Most owners share all but a label or two: what is behind the apex's labels is the apex. */
    while (shared < owner->labels && shared < before->labels) {
        const uint8_t *a = owner->octets + starts[owner->labels - shared - 1U];
        const uint8_t *b = before->octets + packer->starts[before->labels - shared - 1U];
        if (a[0] != b[0] || memcmp(a, b, a[0] + 1U) != 0)
            break;
        shared++;
    }
    for (unsigned labels = shared + 1; labels <= owner->labels; labels++)
        packer->places[labels] = 0;
    name_copy(&packer->owner, owner);
    memcpy(packer->starts, starts, owner->labels + 1U);
}

/* Labels of the longest suffix of the owner to which a pointer can lead; 0: none. */
static unsigned known_labels(const struct packer *packer)
{
    unsigned labels = packer->owner.labels;

    while (labels > 0 && packer->places[labels] == 0)
        labels--;
    return labels;
}

static uint8_t *put_owner(struct packer *packer, unsigned known, uint8_t *place)
{
    const struct name *owner = &packer->owner;
    size_t at = (size_t)(place - packer->writer->octets);
    unsigned before = packer->starts[owner->labels - known];

    for (unsigned labels = known + 1; labels <= owner->labels; labels++) {
        size_t stands = at + packer->starts[owner->labels - labels];
        packer->places[labels] = stands <= POINTER_REACH ? (uint16_t)stands : 0;
    }
    memcpy(place, owner->octets, before);
    place += before;
    if (known > 0)
        return put_u16(place, POINTER_BITS | packer->places[known]);
    *place = 0; /* the root label */
    return place + 1;
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
    size_t owner =
        packer->starts[packer->owner.labels - known] + (known ? (size_t)POINTER_OCTETS : 1);
    size_t end = writer->length + owner + FIXED_OCTETS + reader_left(rdata);

    /* What is compressed is shorter, which is not worth a second look. */
    if (end > writer->limit || (end > packer->limit && packer->records > 0) ||
        packer->records == UINT16_MAX || writer->failed)
        return false;
    uint8_t *place = put_owner(packer, known, writer->octets + writer->length);
    place = put_u16(place, type);
    place = put_u16(place, CLASS_IN);
    place = put_u16(place, ttl >> 16);
    place = put_u16(place, ttl);
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
    put_u16(octets + COUNTS_AT + 2 * SECTION_ANSWER, packer->records);
    put_u16(octets + COUNTS_AT + 2 * SECTION_ADDITIONAL, additional);
}
