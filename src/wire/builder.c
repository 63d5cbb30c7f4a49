/* builder.c - a message being made: sections, compression, whole RRsets. */
#include "avow/wire/builder.h"

#include "fold.h"
#include "labels.h"

enum {
    NO_NAME = 0xff, /* in place of an index: the root, or nothing found */
    POINTER_BITS = 0xc000,
    POINTER_REACH = 0x3fff,
    RECORD_FIXED_OCTETS = 10 /* type, class, TTL, RDLENGTH */
};

_Static_assert((int)BUILDER_NAMES < (int)NO_NAME, "indices of names must fit in an octet");

/* An uncompressed name in somebody's octets. */
struct labels {
    const uint8_t *octets;
    unsigned length; /* root label included; 0: this is no name */
    unsigned count;
    uint8_t starts[NAME_MAX_LABELS];
};

static void find_labels(struct labels *labels, const uint8_t *octets, size_t available)
{
    size_t end = available < NAME_MAX_OCTETS ? available : NAME_MAX_OCTETS, at = 0;

    labels->octets = octets;
    labels->length = 0;
    labels->count = 0;
    while (at < end && octets[at] != 0) {
        if (octets[at] > NAME_MAX_LABEL_OCTETS || labels->count == NAME_MAX_LABELS)
            return;
        labels->starts[labels->count++] = (uint8_t)at;
        at += octets[at] + 1U;
    }
    if (at < end)
        labels->length = (unsigned)at + 1;
}

static bool same_label(const uint8_t *a, const uint8_t *b)
{
    return a[0] == b[0] && fold_equal(a, b, a[0] + 1U);
}

/* The remembered name that is `label` before the remembered name `parent`. A child is always
 * remembered after its parent. */
static unsigned find_child(const struct builder *builder, unsigned parent, const uint8_t *label)
{
    for (unsigned i = parent == NO_NAME ? 0 : parent + 1; i < builder->name_count; i++) {
        if (builder->parents[i] == parent &&
            same_label(builder->writer.octets + builder->names[i], label))
            return i;
    }
    return NO_NAME;
}

/* Remember the name's first `fresh` labels, written at `at` before the remembered name `parent`. */
static void remember(struct builder *builder, const struct labels *labels, unsigned fresh,
                     unsigned parent, size_t at)
{
    while (fresh-- > 0) {
        size_t offset = at + labels->starts[fresh];
        if (offset > POINTER_REACH || builder->name_count == BUILDER_NAMES)
            return;
        builder->names[builder->name_count] = (uint16_t)offset;
        builder->parents[builder->name_count] = (uint8_t)parent;
        parent = builder->name_count++;
    }
}

/* Write a name with as few labels as possible. Returns how many of `octets` it is; 0, and nothing
 * is written, when there is no name. */
static size_t write_name(struct builder *builder, const uint8_t *octets, size_t available)
{
    struct writer *writer = &builder->writer;
    LEFT_UNSET struct labels labels;
    unsigned parent = NO_NAME;

    find_labels(&labels, octets, available);
    if (labels.length == 0)
        return 0;
    unsigned fresh = labels.count;
    while (fresh > 0) {
        unsigned child = find_child(builder, parent, octets + labels.starts[fresh - 1]);
        if (child == NO_NAME)
            break;
        parent = child;
        fresh--;
    }
    size_t at = writer->length;
    if (parent == NO_NAME) {
        writer_add(writer, octets, labels.length);
    } else {
        size_t before = fresh < labels.count ? labels.starts[fresh] : 0;
        writer_add(writer, octets, before);
        writer_u16(writer, (uint16_t)(POINTER_BITS | builder->names[parent]));
    }
    if (!writer->failed)
        remember(builder, &labels, fresh, parent, at);
    return labels.length;
}

void builder_begin(struct builder *builder, uint8_t *octets, size_t question_length, size_t limit)
{
    LEFT_UNSET struct labels labels;

    if (limit > MESSAGE_MAX_OCTETS)
        limit = MESSAGE_MAX_OCTETS;
    if (limit < question_length)
        limit = question_length;
    builder->writer = (struct writer){.octets = octets, .length = question_length, .limit = limit};
    memset(builder->counts, 0, sizeof builder->counts);
    builder->name_count = 0;
    builder->question_octets = 0;
    builder->last_owner = 0;
    if (question_length <= MESSAGE_HEADER_OCTETS)
        return;
    builder->counts[SECTION_QUESTION] = 1;
    find_labels(&labels, octets + MESSAGE_HEADER_OCTETS, question_length - MESSAGE_HEADER_OCTETS);
    if (labels.length == 0)
        return;
    builder->question_octets = (uint8_t)labels.length;
    remember(builder, &labels, labels.count, NO_NAME, MESSAGE_HEADER_OCTETS);
}

struct builder_mark builder_mark(const struct builder *builder)
{
    struct builder_mark mark = {.length = builder->writer.length,
                                .name_count = builder->name_count};
    memcpy(mark.counts, builder->counts, sizeof mark.counts);
    return mark;
}

void builder_rewind(struct builder *builder, const struct builder_mark *mark)
{
    writer_rewind(&builder->writer, mark->length);
    memcpy(builder->counts, mark->counts, sizeof builder->counts);
    builder->name_count = mark->name_count;
    if (builder->last_owner >= mark->length)
        builder->last_owner = 0;
}

/* Whether the name at `at` in the message, which we wrote, is the owner. */
static bool stands_at(const struct builder *builder, size_t at, const struct name *owner)
{
    const uint8_t *message = builder->writer.octets, *label = owner->octets;

    for (; *label != 0; label += *label + 1, at += message[at] + 1U) {
        if (message[at] >= POINTER_BITS >> 8)
            at = (size_t)(message[at] << 8 | message[at + 1]) & POINTER_REACH;
        if (!same_label(message + at, label))
            return false;
    }
    return message[at] == 0;
}

/* Remember where an owner that has just been written at `at` stands: its signatures come next. */
static void remember_owner(struct builder *builder, size_t at)
{
    const uint8_t *owner = builder->writer.octets + at;

    if (builder->writer.failed)
        return;
    if (owner[0] >= POINTER_BITS >> 8)
        at = (size_t)(owner[0] << 8 | owner[1]) & POINTER_REACH;
    builder->last_owner = at <= POINTER_REACH ? (uint16_t)at : 0;
}

/* How an RRset's owner was written in its first record. */
struct written {
    size_t at;
    size_t length; /* 0: not written yet */
};

static bool is_question(const struct builder *builder, const struct name *owner)
{
    return owner->length == builder->question_octets && owner->labels > 0 &&
           fold_equal(owner->octets, builder->writer.octets + MESSAGE_HEADER_OCTETS, owner->length);
}

static void write_first_owner(struct builder *builder, const struct name *owner)
{
    struct writer *writer = &builder->writer;
    size_t at = writer->length;

    if (is_question(builder, owner)) {
        writer_u16(writer, POINTER_BITS | MESSAGE_HEADER_OCTETS);
    } else if (builder->last_owner && owner->labels > 0 &&
               stands_at(builder, builder->last_owner, owner)) {
        writer_u16(writer, (uint16_t)(POINTER_BITS | builder->last_owner));
    } else {
        (void)write_name(builder, owner->octets, owner->length);
        remember_owner(builder, at);
    }
}

static void write_owner(struct builder *builder, const struct name *owner, struct written *first)
{
    struct writer *writer = &builder->writer;

    if (first->length == 0) {
        first->at = writer->length;
        write_first_owner(builder, owner);
        first->length = writer->length - first->at;
    } else if (first->length > 2 && first->at <= POINTER_REACH) {
        writer_u16(writer, (uint16_t)(POINTER_BITS | first->at));
    } else {
        /* A root or a pointer, or out of a pointer's reach; a pointer in it leads where it led. */
        writer_add(writer, writer->octets + first->at, first->length);
    }
}

/* Where the names of RDATA stand that may be compressed: RFC 1035's own types and no others
 * (RFC 3597 section 4). */
static const struct {
    uint8_t before; /* octets before the first name */
    uint8_t names;
} compressible[] = {
    [TYPE_NS] = {0, 1},  [TYPE_MD] = {0, 1},    [TYPE_MF] = {0, 1}, [TYPE_CNAME] = {0, 1},
    [TYPE_SOA] = {0, 2}, [TYPE_MB] = {0, 1},    [TYPE_MG] = {0, 1}, [TYPE_MR] = {0, 1},
    [TYPE_PTR] = {0, 1}, [TYPE_MINFO] = {0, 2}, [TYPE_MX] = {2, 1},
};

/* RDATA that is not what its type says goes out as it is. */
static void write_compressed(struct builder *builder, uint16_t type, struct reader *rdata)
{
    struct writer *writer = &builder->writer;
    size_t before = compressible[type].before;
    size_t mark = writer_open_length(writer);

    if (reader_left(rdata) >= before)
        writer_add(writer, reader_take(rdata, before), before);
    for (unsigned names = compressible[type].names; names > 0; names--) {
        size_t taken = write_name(builder, rdata->at, reader_left(rdata));
        (void)reader_take(rdata, taken);
    }
    writer_add(writer, rdata->at, reader_left(rdata));
    writer_close_length(writer, mark);
}

static void put_u16(uint8_t *place, uint16_t value)
{
    place[0] = (uint8_t)(value >> 8);
    place[1] = (uint8_t)value;
}

static void put_fixed(uint8_t *place, const struct rrset *rrset)
{
    put_u16(place, rrset->type);
    put_u16(place + 2, rrset->class_);
    put_u16(place + 4, (uint16_t)(rrset->ttl >> 16));
    put_u16(place + 6, (uint16_t)rrset->ttl);
}

/* Everything of a record that comes after its owner. */
static void write_record(struct builder *builder, const struct rrset *rrset, struct reader *rdata)
{
    struct writer *writer = &builder->writer;
    size_t length = reader_left(rdata);

    if (rrset->type < COUNT(compressible) && compressible[rrset->type].names) {
        uint8_t *place = writer_claim(writer, RECORD_FIXED_OCTETS - 2);
        if (place)
            put_fixed(place, rrset);
        write_compressed(builder, rrset->type, rdata);
        return;
    }
    uint8_t *place = writer_claim(writer, RECORD_FIXED_OCTETS + length);
    if (!place)
        return;
    put_fixed(place, rrset);
    put_u16(place + RECORD_FIXED_OCTETS - 2, (uint16_t)length);
    memcpy(place + RECORD_FIXED_OCTETS, rdata->at, length);
}

bool builder_rrset(struct builder *builder, enum section section, const struct rrset *rrset)
{
    struct builder_mark mark = builder_mark(builder);
    struct reader run = rdata_run_reader(&rrset->rdata), rdata;
    struct written first = {.length = 0};

    while (!builder->writer.failed && rdata_next(&run, &rdata)) {
        write_owner(builder, rrset->owner, &first);
        write_record(builder, rrset, &rdata);
        builder->counts[section]++;
    }
    if (builder->writer.failed || run.failed) {
        builder_rewind(builder, &mark);
        return false;
    }
    return true;
}

bool builder_signatures(struct builder *builder, enum section section, const struct rrset *rrset,
                        const struct rdata_run *signatures)
{
    struct rrset rrsigs = *rrset;

    rrsigs.type = TYPE_RRSIG;
    rrsigs.rdata = *signatures;
    return builder_rrset(builder, section, &rrsigs);
}

size_t builder_finish(struct builder *builder)
{
    /* The counts follow the id and the flags. */
    for (unsigned i = 0; i < SECTIONS; i++)
        put_u16(builder->writer.octets + 4 + 2 * i, builder->counts[i]);
    return builder->writer.length;
}
