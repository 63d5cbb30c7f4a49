/* chaos.c - who answers: version.bind and its like, in class CHAOS (RFC 4892). */
#include <string.h>

#include "making.h"

static const struct {
    const char name[16];
    uint8_t length; /* in wire form */
    bool version;   /* else the identity */
} names[] = {
    {"\7version\4bind", 14, true},
    {"\7version\6server", 16, true},
    {"\2id\6server", 11, false},
    {"\10hostname\4bind", 15, false},
};

static const char *text_of(const struct making *making)
{
    struct name name;

    for (unsigned i = 0; i < COUNT(names); i++) {
        memcpy(name.octets, names[i].name, names[i].length);
        name.length = names[i].length;
        name.labels = 2;
        if (name_equal(&name, &making->query->question.name))
            return names[i].version ? making->answerer->version : making->answerer->identity;
    }
    return NULL;
}

void chaos_answer(struct making *making)
{
    const char *text = text_of(making);
    uint8_t octets[2 + 1 + UINT8_MAX];
    struct writer run = writer_over(octets, sizeof octets);

    if (!text || (making->type != TYPE_TXT && making->type != TYPE_ANY)) {
        finish_error(making, RCODE_REFUSED, EDE_NONE);
        return;
    }
    finish_open(making);
    size_t length = strlen(text) < UINT8_MAX ? strlen(text) : UINT8_MAX;
    writer_u16(&run, (uint16_t)(length + 1));
    writer_u8(&run, (uint8_t)length);
    writer_add(&run, text, length);
    const struct rrset rrset = {
        .owner = &making->query->question.name,
        .type = TYPE_TXT,
        .class_ = CLASS_CH,
        .rdata = {.octets = octets, .length = (uint32_t)run.length, .count = 1}};
    making->outcome->kind = ANSWER_CHAOS;
    making->authoritative = true;
    making->truncated |= !builder_rrset(&making->builder, SECTION_ANSWER, &rrset);
}
